/** What of the machine bears on a measurement. No names, no paths. */
import { arch, availableParallelism, cpus, loadavg, platform, totalmem } from 'node:os'

export interface MachineFacts {
  readonly cpu: string
  readonly cores: number
  readonly memoryGb: number
  readonly system: string
  readonly node: string
  readonly v8: string
  /** One minute's load average when the measuring began: above the number of cores the figures are noisy. */
  readonly load: number
  readonly measuredAt: string
}

export function machineFacts(): MachineFacts {
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    memoryGb: Math.round(totalmem() / 2 ** 30),
    system: `${platform()} ${arch()}`,
    node: process.versions.node,
    v8: process.versions.v8,
    load: Math.round((loadavg()[0] ?? 0) * 100) / 100,
    measuredAt: new Date().toISOString().slice(0, 16).replace('T', ' '),
  }
}
