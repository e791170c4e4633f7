/** What the numbers were measured on: without it they mean nothing. */

import { spawnSync } from 'node:child_process'
import { cpus, release, totalmem } from 'node:os'

export interface Machine {
  readonly processor: string
  readonly cores: number
  readonly memoryGiB: number
  readonly kernel: string
  readonly node: string
  /** Of the directory that is measured: file system type and mount options. */
  readonly disk: string
  readonly date: string
}

export function describeMachine(directory: string): Machine {
  const { stdout } = spawnSync('findmnt', ['-n', '-o', 'FSTYPE,OPTIONS', '-T', directory], { encoding: 'utf8' })
  return {
    processor: cpus()[0]?.model ?? 'unknown',
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    kernel: `Linux ${/^\d+\.\d+/.exec(release())?.[0] ?? release()}`,
    node: process.version,
    // Reserved blocks and their owners change nothing in the speed.
    disk:
      stdout
        ?.trim()
        .replace(/,res[^,]*/g, '')
        .replace(/\s+/g, ' ') || 'unknown',
    date: new Date().toISOString().slice(0, 10),
  }
}

export function machineLine(machine: Machine): string {
  const { processor, cores, memoryGiB, kernel, node, disk } = machine
  return `${processor}, ${cores} cores, ${memoryGiB} GiB, ${kernel}, Node ${node}, ${disk}`
}
