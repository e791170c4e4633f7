/** Whether a data directory can be used: who holds it, whether it can be written, how much room and which device is there. */

import { dirname, join, resolve } from 'node:path'
import type { Clock } from '../../core/clock.js'
import { asHoldfastError, reasonOf } from '../../core/errors.js'
import type { Disk } from '../../files/disk.js'
import { bytes, ms, percent } from '../advice/words.js'
import { type DeviceProbe, durableMs, probeDevice } from '../device-probe.js'
import { type CheckResult, ok } from './check.js'

const trialFileName = 'doctor.tmp'

export interface DirectoryTools {
  readonly disk: Disk
  readonly clock: Clock
}

/** The directory, or the nearest above it that is there. */
export async function nearestPresent(path: string, disk: Disk): Promise<string> {
  for (let directory = resolve(path); ; directory = dirname(directory)) {
    const isThere = (await disk.list(directory).catch(() => undefined)) !== undefined
    if (isThere || dirname(directory) === directory) return directory
  }
}

export interface Holder {
  readonly pid: number
}

/** Who has the data directory open, as its lock says; undefined where nobody does. */
export async function holderOf(dataPath: string, disk: Disk): Promise<Holder | undefined> {
  const text = await disk.readFile(join(dataPath, 'lock')).catch(() => undefined)
  try {
    const { pid } = JSON.parse(text?.toString('utf8') ?? '') as { pid?: unknown }
    return typeof pid === 'number' && isAlive(pid) ? { pid } : undefined
  } catch {
    return undefined
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

export interface DirectoryCheck {
  readonly result: CheckResult
  /** When the file system says that a file was written which was written just now; absent where none could be. */
  readonly writtenMs?: number
}

export async function checkDirectory(dataPath: string, disk: Disk): Promise<DirectoryCheck> {
  const present = await nearestPresent(dataPath, disk)
  const path = join(present, trialFileName)
  try {
    await disk.replaceFile(path, Buffer.from('holdfast doctor\n'))
    const writtenMs = (await disk.stat(path))?.modifiedMs
    await disk.remove(path)
    return { result: await contentOf(dataPath, present, disk), writtenMs }
  } catch (thrown) {
    const user = process.getuid === undefined ? 'this user' : `the user with the id ${process.getuid()}`
    return {
      result: {
        check: 'directory',
        severity: 'critical',
        what: `${present} cannot be written: ${asHoldfastError(thrown).message}`,
        next: `Make it writable for ${user}, or name another one with --data.`,
      },
    }
  }
}

/** @param present the directory itself, or the nearest above it that is there */
async function contentOf(dataPath: string, present: string, disk: Disk): Promise<CheckResult> {
  if (present !== resolve(dataPath)) {
    return ok('directory', `${dataPath} is not there yet; it can be made in ${present}.`)
  }
  const holder = await holderOf(dataPath, disk)
  const held = holder === undefined ? 'nobody has it open' : `process ${holder.pid} has it open`
  const identity = await identityOf(dataPath, disk)
  if (identity.problem !== undefined) return identity.problem
  return ok('directory', `${dataPath} can be written, ${held}${identity.isNew ? '; no store was made in it yet' : ''}.`)
}

async function identityOf(dataPath: string, disk: Disk): Promise<{ isNew: boolean; problem?: CheckResult }> {
  const path = join(dataPath, 'holdfast.json')
  const problem = (what: string): { isNew: false; problem: CheckResult } => ({
    isNew: false,
    problem: {
      check: 'directory',
      severity: 'critical',
      what,
      next: 'Restore the file from a backup; the messages are not affected. "holdfast verify" looks at everything else.',
    },
  })
  try {
    const text = await disk.readFile(path)
    if (text === undefined) return { isNew: true }
    JSON.parse(text.toString('utf8'))
    return { isNew: false }
  } catch (thrown) {
    return problem(`${path} cannot be read: ${reasonOf(thrown)}`)
  }
}

/** The room there is; how much of it is too little is the advice's to say. */
export async function checkSpace(
  directory: string,
  { disk }: DirectoryTools,
): Promise<{ result: CheckResult; state?: { totalBytes: number; freeBytes: number } }> {
  const space = await disk.space(directory)
  if (space === undefined || space.totalBytes === 0) {
    return { result: ok('space', 'This platform does not tell how much room there is.') }
  }
  const { freeBytes, totalBytes } = space
  const what = `${bytes(freeBytes)} of ${bytes(totalBytes)} are free (${percent(1 - freeBytes / totalBytes)} used).`
  return { result: ok('space', what), state: space }
}

export async function checkDevice(
  directory: string,
  tools: DirectoryTools,
): Promise<{ result: CheckResult; device?: DeviceProbe }> {
  try {
    const device = await probeDevice(directory, tools)
    const { plainMs, syncMs, worstMs } = device
    const what = `A durable write of 4 KiB takes ${ms(durableMs(device))} (with fdatasync ${ms(syncMs)}, not durable ${ms(plainMs)}, the slowest ${ms(worstMs)}).`
    return { result: ok('device', what), device }
  } catch (thrown) {
    return {
      result: {
        check: 'device',
        severity: 'critical',
        what: `${directory} could not be probed: ${asHoldfastError(thrown).message}`,
        next: 'See to that first; messages would fare no better.',
      },
    }
  }
}

/** When the newest file at the top of a data directory was written; undefined where there is none. */
export async function newestWriteMs(dataPath: string, disk: Disk): Promise<number | undefined> {
  const names = ['holdfast.json', 'lock', join('config', 'topics.json')]
  const stats = await Promise.all(names.map((name) => disk.stat(join(dataPath, name)).catch(() => undefined)))
  const times = stats.flatMap((found) => (found === undefined ? [] : [found.modifiedMs]))
  return times.length === 0 ? undefined : Math.max(...times)
}
