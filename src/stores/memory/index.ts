/** Jobs in memory: for tests, and for work that may be lost with the process. */
export { type MemoryStoreOptions, memoryStore } from './memory-store.ts'
