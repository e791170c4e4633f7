/**
 * Mounts and devices outlive the process that made them. What is made here is taken away however the process ends; what
 * one that was killed left behind, the next one takes away.
 */

import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { detachMount } from './linux.js'

/** Memory, where that is a file system: what is cut a thousand times should not wear out a disk. */
const home = '/dev/shm'
const prefix = 'holdfast-power-'

const undoings = new Set<() => void>()
let isWatching = false

/** Calls `undo` at the end of the process, unless what is returned has been called before. */
export function undoneAtExit(undo: () => void): () => void {
  watch()
  undoings.add(undo)
  return () => undoings.delete(undo)
}

function watch(): void {
  if (isWatching) return
  isWatching = true
  process.once('exit', () => {
    for (const undo of [...undoings].reverse()) undo()
  })
  for (const [signal, code] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ] as const) {
    process.once(signal, () => process.exit(code))
  }
}

export interface PowerDirectory {
  readonly path: string
  remove(): void
}

/** A directory for images and mount points. */
export function makePowerDirectory(): PowerDirectory {
  sweep()
  const path = mkdtempSync(join(home, `${prefix}${process.pid}-`))
  const remove = () => {
    forget()
    rmSync(path, { recursive: true, force: true })
  }
  const forget = undoneAtExit(() => {
    clear(path)
  })
  return { path, remove }
}

/** Takes away what processes left that were killed. */
function sweep(): void {
  for (const name of readdirSync(home)) {
    const pid = name.startsWith(prefix) ? Number(name.slice(prefix.length).split('-')[0]) : 0
    if (pid > 0 && !isAlive(pid)) clear(join(home, name))
  }
}

function clear(directory: string): void {
  const mounted = readFileSync('/proc/mounts', 'utf8')
    .split('\n')
    .map((line) => line.split(' ')[1] ?? '')
    .filter((path) => path.startsWith(`${directory}/`))
  for (const path of mounted.reverse()) detachMount(path)
  rmSync(directory, { recursive: true, force: true })
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
