import { begunAt, isOfThisProcess, placeOf, thisPlace } from './this-process.ts'

/**
 * Whether the process of a worker of this host is there still, whoever owns it. `undefined` when that cannot be told from here:
 * its pid counts in another container or an earlier boot of the machine, or it is of this very process; then its lease tells.
 *
 * @param bootId as `newIdentity` made it: tells whether the pid is somebody else's by now. Others are taken at their pid.
 */
export function isProcessAlive(pid: number, bootId = ''): boolean | undefined {
  const { scope, begun } = placeOf(bootId)
  if (scope !== undefined && scope !== thisPlace().scope) return undefined
  if (bootId !== '' && pid === process.pid) return isOfThisProcess(pid, bootId) ? undefined : false
  if (!exists(pid)) return false
  const found = begun === undefined ? undefined : begunAt(pid)
  return found === undefined || found === begun
}

function exists(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as { code?: unknown }).code === 'EPERM'
  }
}
