/**
 * Policy options that five real systems settled on, as frozen data, by system and then by use.
 * A starting point, not a recommendation for every system: docs/presets.md says when not to take one.
 */
import { browserBot } from './browser-bot.ts'
import { infrastructure } from './infrastructure.ts'
import { peerNode } from './peer-node.ts'
import { replyBot } from './reply-bot.ts'
import { uploader } from './uploader.ts'

export type { BackoffPreset, BreakerPreset, LimiterPreset, RetryPreset } from './shapes.ts'

/**
 * All presets; each is passed to the policy of its name, whole or spread and changed.
 * @example
 * retry({ ...presets.uploader.retry, maxAttempts: 5 })
 */
export const presets = Object.freeze({ browserBot, infrastructure, peerNode, replyBot, uploader })
