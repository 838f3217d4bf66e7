import { describe, it } from 'vitest'
import { memorySharedState } from '../../src/stores/memory/index.ts'
import { sqliteSharedState } from '../../src/stores/sqlite/index.ts'
import { VirtualClock } from '../../src/testing/virtual-clock.ts'
import { bucketsAnswerAsNaiveOnes } from './bucket-model.ts'

const clock = new VirtualClock()

// R: I3
describe.each([
  ['memory', memorySharedState({ clock })],
  ['SQLite', sqliteSharedState({ path: ':memory:', clock })],
])('token buckets in %s', (_, state) => {
  it('answer as naive ones do, whatever is asked in whatever order', async () => {
    await state.open()
    await bucketsAnswerAsNaiveOnes({ state, clock }, Number(process.env.HOLDFAST_TEST_RUNS ?? 300))
    await state.close()
  })
})
