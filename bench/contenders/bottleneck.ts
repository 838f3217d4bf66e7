import Bottleneck from 'bottleneck'
import { answer, type Contender, type Contenders, HOUR, PLENTY } from './contender.ts'

const success = (options: Bottleneck.ConstructorOptions): Contender => {
  const limiter = new Bottleneck(options)
  return { call: () => limiter.schedule(answer) }
}

export const contenders: Contenders = {
  bulkhead: () => success({ maxConcurrent: 10 }),
  limiter: () => success({ reservoir: PLENTY, reservoirRefreshAmount: PLENTY, reservoirRefreshInterval: 1000 }),
  // Not with a million keys: a limiter of its own for each takes gigabytes.
  'keys-thousand': () => {
    const group = new Bottleneck.Group({ reservoir: 1000, reservoirRefreshAmount: 1000, reservoirRefreshInterval: HOUR })
    return { call: (key) => group.key(key).schedule(answer) }
  },
}
