/** What of the machine and the programs bears on a figure. No names, no paths. */
import { arch, availableParallelism, cpus, loadavg, platform, totalmem } from 'node:os'

export interface MachineFacts {
  readonly cpu: string
  readonly cores: number
  readonly memoryGb: number
  readonly system: string
  readonly node: string
  readonly sqlite: string
  /** One minute's load average when it began: above the number of cores, others were at work too. */
  readonly load: number
  readonly began: string
}

export function machineFacts(): MachineFacts {
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    memoryGb: Math.round(totalmem() / 2 ** 30),
    system: `${platform()} ${arch()}`,
    node: process.versions.node,
    sqlite: process.versions.sqlite ?? 'unknown',
    load: Math.round((loadavg()[0] ?? 0) * 100) / 100,
    began: `${new Date().toISOString().slice(0, 16).replace('T', ' ')} UTC`,
  }
}

export function factsLine({ cpu, cores, memoryGb, system, node, sqlite, load, began }: MachineFacts): string {
  return `${cpu}, ${cores} cores, ${memoryGb} GB, ${system}, Node ${node}, SQLite ${sqlite}, ${began}; load average at the beginning ${load}`
}
