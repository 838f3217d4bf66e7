/** Everything wired: for embedding, and for `holdfast up`. */
export { Runtime, type RuntimeOptions } from './runtime.ts'
export { type RunningHoldfast, type StartOptions, startHoldfast } from './start.ts'
