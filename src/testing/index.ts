/** What tests need: time that stands still, chance that repeats, operations that behave as told. No test runner is needed. */

export { type Random, seededRandom } from '../core/random.ts'
export * from './conformance/index.ts'
export {
  ScriptEndedError,
  type ScriptedCall,
  type ScriptedOperation,
  type ScriptedOptions,
  scripted,
} from './scripted-operation.ts'
export { type SharedStateCase, type SharedStateHarness, sharedStateContract } from './shared-state-contract.ts'
export { type StoreCase, type StoreHarness, storeContract } from './store-contract.ts'
export { VirtualClock, type VirtualClockOptions } from './virtual-clock.ts'
