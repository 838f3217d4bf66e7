/** Work comes in: one by one or in batches, at once or later, with and without keys. */
import * as fc from 'fast-check'
import { same } from '../../../src/testing/store-contract/harness.ts'
import type { Command } from './command.ts'
import { batchId, command, jobsOf, nextId, requests } from './command.ts'

const codeOf = (error: { code?: string }) => error.code

export const enqueue: fc.Arbitrary<Command> = requests.map((list) =>
  command('enqueue', JSON.stringify(list), async (model, { store }) => {
    const { asked, jobs } = jobsOf(model, list)
    const answers = await store.enqueue(jobs).catch(codeOf)
    same(answers, model.enqueue(asked) ?? 'ERR_IDEMPOTENCY_MISMATCH', 'enqueue')
  }),
)

export const enqueueBatch: fc.Arbitrary<Command> = fc.tuple(batchId, requests, fc.boolean()).map(([id, list, calls]) =>
  command('enqueue-batch', `${id} ${calls ? 'calling back ' : ''}${JSON.stringify(list)}`, async (model, { store }) => {
    const { asked, jobs } = jobsOf(model, list)
    const callbackId = nextId()
    const about = { kind: 'x', target: 'a', priority: 0, payload: { of: callbackId }, fingerprint: '', idempotencyWindowMs: 0 }
    const callback = calls ? { id: callbackId, ...about } : undefined
    const answer = await store.enqueueBatch({ id, callback }, jobs).catch(codeOf)
    same(answer, model.enqueueBatch(id, asked, callback?.id) ?? 'ERR_IDEMPOTENCY_MISMATCH', 'enqueue batch')
  }),
)

/** As everybody does who settles, cancels or sweeps. */
export const completeBatches: fc.Arbitrary<Command> = fc.uniqueArray(batchId, { minLength: 1, maxLength: 7 }).map((ids) =>
  command('complete-batches', ids.join(), async (model, { store }) => {
    const ended = await store.completeBatches(ids)
    const expected = model.completeBatches(ids).map((summary) => JSON.stringify(summary))
    same(ended.map(({ summary }) => JSON.stringify(summary)).sort(), expected.sort(), 'batches that ended')
    for (const { callback, summary } of ended)
      if (callback !== undefined)
        same((await store.get(callback.id))?.payload, { of: callback.id, batch: summary }, 'the callback')
  }),
)
