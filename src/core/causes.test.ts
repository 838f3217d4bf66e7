import { describe, expect, it } from 'vitest'
import { anyCause } from './causes.ts'

interface Made {
  readonly says?: boolean
  readonly cause?: unknown
  readonly errors?: unknown
}
const says = (error: object): boolean | undefined => (error as Made).says
const behind = (wrap: (inner: Made) => Made, levels: number): Made =>
  levels === 0 ? { says: true } : wrap(behind(wrap, levels - 1))

describe('what is behind an error', () => {
  // R: X2
  it('is asked in the order of its errors and its cause, until one says yes', () => {
    expect(anyCause({ says: true }, says)).toBe(true)
    expect(anyCause({ cause: { says: true } }, says)).toBe(true)
    expect(anyCause({ errors: [{ says: false }, { cause: { says: true } }] }, says)).toBe(true)
    expect(anyCause({ errors: [{ says: false }], cause: { says: true } }, says)).toBe(true)
    expect(anyCause({ errors: [{}], cause: {} }, says)).toBe(false)
  })

  it('is not asked when the error in front says no', () => {
    expect(anyCause({ says: false, cause: { says: true }, errors: [{ says: true }] }, says)).toBe(false)
  })

  // T: 32
  it('is passed over where it is no error', () => {
    for (const nothing of [undefined, null, 0, 'text', Symbol('s')]) {
      expect(anyCause(nothing, says)).toBe(false)
      expect(anyCause({ cause: nothing }, says)).toBe(false)
      expect(anyCause({ errors: [nothing, { says: true }] }, says)).toBe(true)
    }
    expect(anyCause({ errors: 'two', cause: { says: true } }, says)).toBe(true)
  })

  it.each<[string, (inner: Made) => Made]>([
    ['causes', (cause) => ({ cause })],
    ['errors', (inner) => ({ errors: [inner] })],
  ])('is followed through %s, five errors in all', (_, wrap) => {
    expect([anyCause(behind(wrap, 4), says), anyCause(behind(wrap, 5), says)]).toEqual([true, false])
  })
})
