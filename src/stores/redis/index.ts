/** Shared state in Redis, through `ioredis`. */
export type { RedisSharedStateOptions } from './options.ts'
export { redisSharedState } from './redis-shared-state.ts'
export type { RedisClient } from './redis-types.ts'
