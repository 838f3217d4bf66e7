/** The doctor's look at shared state: where it is, whether it does what is needed, and what its set-up puts at risk. */
import type { StateSettings, StoreSettings } from '../config/config.ts'
import type { Clock } from '../core/clock.ts'
import { formatDuration } from '../core/duration.ts'
import { explainError } from './cli-error.ts'
import type { Finding } from './doctor-checks.ts'

const check = 'shared state'

export async function checkState(state: StateSettings, store: StoreSettings, clock: Clock): Promise<readonly Finding[]> {
  if (state.kind === 'redis') return checkRedis(state, clock)
  if (state.kind === 'local' || store.kind === 'memory')
    return [{ check, status: 'ok', message: 'none: each process sees for itself how its targets are' }]
  return [{ check, status: 'ok', message: 'in the store' }]
}

async function checkRedis(state: Extract<StateSettings, { kind: 'redis' }>, clock: Clock): Promise<readonly Finding[]> {
  const { probeState } = await import('../runtime/state-probe.ts')
  try {
    const { description, processes, warnings, skewMs, isSkewed } = await probeState(state, clock)
    const found: Finding[] = warnings.map(({ message, hint }) => ({ check, status: 'warning', message, hint }))
    if (isSkewed) found.push(skewed(skewMs))
    const shares = processes === 1 ? '1 process shares it' : `${processes} processes share it`
    return found.length > 0 ? found : [{ check, status: 'ok', message: `${description}, ${shares} now` }]
  } catch (error) {
    const [message = '', ...hint] = explainError(error).text.split('\n')
    const next = hint.join(' ').trim() || 'Correct HOLDFAST_STATE, or leave it out to share by the store.'
    return [{ check, status: 'problem', message, hint: next }]
  }
}

function skewed(skewMs: number): Finding {
  const difference = `${formatDuration(Math.abs(skewMs))} ${skewMs > 0 ? 'ahead of' : 'behind'}`
  return {
    check,
    status: 'warning',
    message: `its clock is ${difference} this host's`,
    hint: 'Let both hosts keep time by NTP: leases and shared limits go by its clock, what people read by this one.',
  }
}
