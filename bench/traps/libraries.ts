import { bottleneck } from './bottleneck.ts'
import { cockatiel } from './cockatiel.ts'
import type { Library } from './library.ts'
import { opossum } from './opossum.ts'
import { pLimitLibrary, pQueueLibrary, pRetryLibrary, pTimeoutLibrary } from './p-family.ts'
import { rateLimiterFlexible } from './rate-limiter-flexible.ts'

export const libraries: readonly Library[] = [
  cockatiel,
  opossum,
  pRetryLibrary,
  pTimeoutLibrary,
  pQueueLibrary,
  pLimitLibrary,
  bottleneck,
  rateLimiterFlexible,
]
