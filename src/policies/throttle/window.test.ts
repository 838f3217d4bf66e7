import { describe, expect, it } from 'vitest'
import { RequestWindow, SLICES } from './window.ts'

describe('the window of a throttle', () => {
  it('counts in the place of a slice that is a window older, though nobody has looked since', () => {
    const window = new RequestWindow(SLICES)
    window.count(3, 20, 5)
    window.count(3 + SLICES, 1, 0)
    expect([window.requests, window.accepts, [...window.slices()]]).toEqual([
      1,
      0,
      [{ index: 3 + SLICES, requests: 1, accepts: 0 }],
    ])
  })
})
