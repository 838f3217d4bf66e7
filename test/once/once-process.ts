/**
 * A process that does something once: posts, that is appends a line to a file, and says what came of it.
 * Usage: node once-process.ts STORE POSTS KEY how, with how one of
 *   post       posts, and ends
 *   slowly     posts, and is not done before half a second
 *   hang       posts, and is never done
 *   stall      posts, and takes a while; to be stopped meanwhile
 *   again      posts, also when nobody knows
 *   verify     asks the posts whether it was done, when nobody knows
 */
import { appendFileSync, readFileSync, writeSync } from 'node:fs'
import { setTimeout as wait } from 'node:timers/promises'
import { isHoldfastError } from '../../src/core/errors.ts'
import { idempotency } from '../../src/work/idempotent/idempotency.ts'
import { stateAt } from '../limits/limiter-process.ts'

function say(line: string): void {
  writeSync(1, `${line}\n`)
}

async function post(posts: string, key: string, how: string): Promise<{ id: string }> {
  appendFileSync(posts, `${key}\n`)
  say('posted')
  if (how === 'hang') await new Promise(() => setInterval(() => {}, 1000))
  if (how === 'slowly' || how === 'stall') await wait(500)
  return { id: `post of ${process.pid}` }
}

if (process.argv[1] === import.meta.filename) {
  const [store = '', posts = '', key = '', how = ''] = process.argv.slice(2)
  const state = stateAt(store)
  await state.open()
  const verify = () => (readFileSync(posts, 'utf8').split('\n').includes(key) ? ({ done: { id: 'found' } } as const) : 'notDone')
  const common = {
    state,
    name: 'posts',
    lease: how === 'hang' || how === 'stall' ? '600ms' : '20s',
    storeTimeout: '20s',
  } as const
  const onUnknown =
    how === 'verify' ? ({ onUnknown: 'verify', verify } as const) : how === 'again' ? ({ onUnknown: 'rerun' } as const) : {}
  const once = idempotency({ ...common, ...onUnknown })
  say(`ready ${process.pid}`)
  const result = await once
    .run(key, () => post(posts, key, how), { payload: { key } })
    .catch((error: unknown) => (isHoldfastError(error) ? error.code : String(error)))
  say(JSON.stringify(result))
  await once.close()
  await state.close()
}
