/** For tests of the project and of its users: nothing here needs a test runner. */
export { VirtualClock, type VirtualClockOptions } from './virtual-clock.ts'
