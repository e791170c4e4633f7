/** Whether the program itself is whole: Node's version, the native parts, the clock. */

import { createRequire } from 'node:module'
import type { Clock } from '../../core/clock.js'
import { libc } from '../../files/libc.js'
import { type CheckResult, ok } from './check.js'

/** package.json's `engines` says the same; a test holds them together. */
export const leastNode = [20, 19] as const

export function checkNode(version: string): CheckResult {
  const [major = 0, minor = 0] = version.replace(/^v/, '').split('.').map(Number)
  const isEnough = major > leastNode[0] || (major === leastNode[0] && minor >= leastNode[1])
  if (isEnough) return ok('node', `Node ${version}.`)
  return {
    check: 'node',
    severity: 'critical',
    what: `Node ${version} is older than ${leastNode.join('.')}.`,
    next: `Install Node ${leastNode[0]} or a later one.`,
  }
}

/** The parts that are compiled: what each is for, whether the program does without it, and a first call that shows that it works. */
interface NativePart {
  readonly name: string
  readonly without: string
  readonly isNeeded: boolean
  works(): boolean
}

const require = createRequire(import.meta.url)
/** The check value of CRC-32C, of the digits 1 to 9. */
const crcOfDigits = 0xe3069283

const nativeParts: readonly NativePart[] = [
  {
    name: 'libc (koffi)',
    without: 'files are not mapped into memory, the lock is a file with a name in it, and blocks are not reserved',
    isNeeded: false,
    works: () => libc() !== undefined,
  },
  {
    name: '@node-rs/crc32',
    without: 'checksums are computed in JavaScript, several times slower',
    isNeeded: false,
    works: () => {
      const { crc32c } = require('@node-rs/crc32') as { crc32c(bytes: Buffer): number }
      return crc32c(Buffer.from('123456789')) >>> 0 === crcOfDigits
    },
  },
  {
    name: 'lz4-napi',
    without: 'batches that are compressed with lz4 are refused',
    isNeeded: true,
    works: () => {
      const lz4 = require('lz4-napi') as { compressSync(bytes: Buffer): Buffer; uncompressSync(bytes: Buffer): Buffer }
      const bytes = Buffer.from('holdfast'.repeat(8))
      return lz4.uncompressSync(lz4.compressSync(bytes)).equals(bytes)
    },
  },
]

/** @param platform the koffi part serves Linux alone */
export function checkNative(platform: string, parts: readonly NativePart[] = nativeParts): readonly CheckResult[] {
  return parts.map(({ name, without, isNeeded, works }) => {
    if (platform !== 'linux' && name === 'libc (koffi)') return ok(name, 'Not used on this platform.')
    if (tried(works)) return ok(name, 'Loaded, and answers rightly.')
    return {
      check: name,
      severity: isNeeded ? 'critical' : 'warning',
      what: `${name} cannot be loaded: ${without}.`,
      next: 'Install again on this machine, with this Node: npm ci. A node_modules that was copied from another platform has other binaries.',
    }
  })
}

function tried(works: () => boolean): boolean {
  try {
    return works()
  } catch {
    return false
  }
}

/** 2025-01-01: a clock before it was never set. */
const plausibleMs = 1_735_689_600_000
const mostDifferenceMs = 2000

/**
 * @param writtenMs when the file system says that a file was written which was written just now; absent where none could be
 * @param newestMs when a file of the data directory was last written before, so that it cannot lie ahead
 */
export function checkClock(clock: Clock, writtenMs?: number, newestMs?: number): CheckResult {
  const now = clock.now()
  const text = (timeMs: number) => new Date(timeMs).toISOString()
  const wrong = (what: string): CheckResult => ({
    check: 'clock',
    severity: 'warning',
    what,
    next: 'Set the clock, and let it be kept (NTP, chrony): retention and timestamps go by it.',
  })
  if (now < plausibleMs) return wrong(`The clock says ${text(now)}, which is long past.`)
  if (writtenMs !== undefined && Math.abs(writtenMs - now) > mostDifferenceMs) {
    return wrong(`The clock says ${text(now)}, and the file system ${text(writtenMs)}, for the same moment.`)
  }
  if (newestMs !== undefined && newestMs - now > mostDifferenceMs) {
    return wrong(`The clock says ${text(now)}, and files of the data directory were written later, ${text(newestMs)}.`)
  }
  return ok('clock', `${text(now)}.`)
}
