/** Limits that the system sets a process: descriptors, memory. */

import { spawnSync } from 'node:child_process'
import { mkdirSync, readdirSync, rmdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const loudly = (line: string): string => {
  console.error(`\n!!! SKIPPED: ${line}\n`)
  return line
}

export function withoutPrlimit(): string | false {
  return spawnSync('prlimit', ['--version']).status === 0 ? false : loudly('prlimit (util-linux) is not there.')
}

/** Leaves a process that runs so many descriptors beside those that it has. */
export function leaveDescriptors(pid: number, count: number): void {
  const limit = readdirSync(`/proc/${pid}/fd`).length + count
  const { status, stderr } = spawnSync('prlimit', ['--pid', String(pid), `--nofile=${limit}:${limit}`])
  if (status !== 0) throw new Error(`prlimit: ${stderr}`)
}

const memoryGroups = '/sys/fs/cgroup/memory'

export function withoutMemoryGroups(): string | false {
  try {
    new MemoryGroup(1 << 30).remove()
    return false
  } catch {
    return loudly('a group of processes with a memory limit (cgroup v1) cannot be made here; it needs root.')
  }
}

/** Processes that together may have so much memory, the page cache of their files included; who wants more is killed. */
export class MemoryGroup {
  readonly #path = join(memoryGroups, `holdfast-${process.pid}`)

  constructor(limitBytes: number) {
    mkdirSync(this.#path)
    writeFileSync(join(this.#path, 'memory.limit_in_bytes'), String(limitBytes))
  }

  /** Runs the command that follows in the group. */
  get wrapper(): readonly string[] {
    return ['sh', '-c', 'echo $$ > "$0" && exec "$@"', join(this.#path, 'cgroup.procs')]
  }

  /** Once its processes have ended. */
  remove(): void {
    rmdirSync(this.#path)
  }
}
