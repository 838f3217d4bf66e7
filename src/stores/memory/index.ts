/** Jobs and shared state in memory: for tests, and for what may be lost with the process. */
export { type MemorySharedStateOptions, memorySharedState } from './memory-shared-state.ts'
export { type MemoryStoreOptions, memoryStore } from './memory-store.ts'
