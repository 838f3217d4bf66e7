/** True while a process with this pid exists on this host, whoever owns it. Pids come back: an old pid may be somebody else. */
export function isProcessAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as { code?: unknown }).code === 'EPERM'
  }
}
