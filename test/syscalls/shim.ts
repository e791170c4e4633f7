/**
 * System calls of a program that fail on command: `shim.c`, built here, stands between the program and libc, and a page of
 * memory that both processes share says which call is to fail.
 */

import { spawnSync } from 'node:child_process'
import { closeSync, openSync, readSync, writeFileSync, writeSync } from 'node:fs'
import { constants } from 'node:os'
import { join } from 'node:path'
import { HoldfastError } from '../../src/core/errors.js'

/** In the order of `enum call`. */
export const callNames = [
  'open',
  'read',
  'write',
  'sync',
  'msync',
  'fallocate',
  'truncate',
  'rename',
  'unlink',
  'close',
  'mmap',
  'mkdir',
  'list',
  'link',
  'populate',
  'copy',
  'stat',
] as const

export type CallName = (typeof callNames)[number]

/** In the order of `enum how`. `after`: it is done, and said to have failed. `shorter`: a write takes half of its bytes. */
const hows = ['fail', 'after', 'shorter', 'slow'] as const

export type ErrnoName = keyof typeof constants.errno

export interface Fault {
  readonly call: CallName
  readonly how: (typeof hows)[number]
  /** What `fail` and `after` answer. */
  readonly error?: ErrnoName
  /** From the Nth call on, counted from 1 … */
  readonly nth: number
  /** … so many of them; 0 for all. */
  readonly times: number
  /** Of `slow`. */
  readonly delayMs?: number
}

export type Seen = Readonly<Record<CallName, number>>

export interface Fired {
  readonly times: number
  /** The file that the first of them was about. */
  readonly where: string
}

// struct page
const seenAt = 32
const whereAt = seenAt + 4 * callNames.length
const whereBytes = 256
const pageBytes = 4096

/** For the `skip` option of a test: false, or why it is skipped. */
export function withoutShim(): string | false {
  const isLinux = process.platform === 'linux'
  if (isLinux && spawnSync('gcc', ['--version'], { stdio: 'ignore' }).status === 0) return false
  const line = isLinux
    ? 'SKIPPED: gcc is not installed; .ci/run installs it.'
    : 'SKIPPED: system calls are made to fail on Linux only.'
  console.error(`\n!!! ${line}\n`)
  return line
}

/** Builds the shim into `directory`; its path. */
export function buildShim(directory: string): string {
  const shim = join(directory, 'shim.so')
  const source = join(import.meta.dirname, 'shim.c')
  const flags = ['-O2', '-Wall', '-Wextra', '-Werror', '-shared', '-fPIC']
  const { status, stderr } = spawnSync('gcc', [...flags, '-o', shim, source, '-ldl'], { encoding: 'utf8' })
  if (status !== 0) throw new Error(`gcc does not build the shim: ${stderr}`)
  return shim
}

/** The shared page, as a file that both map or read. */
export class FaultPage {
  readonly path: string
  readonly #fd: number

  constructor(path: string) {
    this.path = path
    this.#fd = openSync(path, 'r+')
  }

  static make(path: string): FaultPage {
    writeFileSync(path, Buffer.alloc(pageBytes))
    return new FaultPage(path)
  }

  /** The environment of a program whose calls on files below `folder` are to fail. */
  environment(shim: string, folder: string): NodeJS.ProcessEnv {
    const faults = { FAULT_PAGE: this.path, FAULT_FOLDER: `${folder}/` }
    // Where it is on, files are reached by a way that passes by libc.
    return { ...process.env, LD_PRELOAD: shim, UV_USE_IO_URING: '0', ...faults }
  }

  /** Counts from here on; with a fault, lets it happen. */
  arm(fault?: Fault): void {
    const bytes = Buffer.alloc(whereAt + whereBytes)
    if (fault !== undefined) {
      bytes.writeUInt32LE(callNames.indexOf(fault.call), 4)
      bytes.writeUInt32LE(hows.indexOf(fault.how), 8)
      bytes.writeUInt32LE(constants.errno[fault.error ?? 'EIO'], 12)
      bytes.writeUInt32LE(fault.nth, 16)
      bytes.writeUInt32LE(fault.times, 20)
      bytes.writeUInt32LE((fault.delayMs ?? 0) * 1000, 24)
    }
    writeSync(this.#fd, bytes, 0, bytes.length, 0)
    if (fault !== undefined) this.#setArmed(1)
  }

  /** All calls do again what they say. */
  disarm(): void {
    this.#setArmed(0)
  }

  seen(): Seen {
    const bytes = this.#read()
    return Object.fromEntries(callNames.map((name, index) => [name, bytes.readUInt32LE(seenAt + 4 * index)])) as Seen
  }

  fired(): Fired {
    const bytes = this.#read()
    const where = bytes.subarray(whereAt, whereAt + whereBytes)
    return { times: bytes.readUInt32LE(28), where: where.subarray(0, where.indexOf(0)).toString() }
  }

  close(): void {
    closeSync(this.#fd)
  }

  #setArmed(value: 0 | 1): void {
    writeSync(this.#fd, new Uint8Array(new Uint32Array([value]).buffer), 0, 4, 0)
  }

  #read(): Buffer {
    const bytes = Buffer.alloc(whereAt + whereBytes)
    readSync(this.#fd, bytes, 0, bytes.length, 0)
    return bytes
  }
}

/** As a person says it, and as a command line may say it again: `write:EIO:3`, `sync:ENOSPC:2+`, `write:shorter:5`. */
export function faultText({ call, how, error, nth, times }: Fault): string {
  const what = how === 'fail' ? error : how === 'after' ? `${error}-after` : how
  return `${call}:${what}:${nth}${times === 0 ? '+' : ''}`
}

/** The fault that {@link faultText} wrote. */
export function faultOf(text: string): Fault {
  const [, call, what, nth, all] = /^(\w+):([\w-]+):(\d+)(\+?)$/.exec(text) ?? []
  const named = callNames.find((name) => name === call)
  if (named === undefined) throw new HoldfastError('INVALID_ARGUMENT', `${text} names no fault, as write:EIO:3 does.`)
  const place = { call: named, nth: Number(nth), times: all === '+' ? 0 : 1 }
  if (what === 'shorter') return { ...place, how: 'shorter' }
  if (what === 'slow') return { ...place, how: 'slow', delayMs: slowMs }
  const after = what.endsWith('-after')
  return { ...place, how: after ? 'after' : 'fail', error: what.replace('-after', '') as ErrnoName }
}

/** Longer than {@link file://./worlds.ts} lets a sender wait for the disk. */
export const slowMs = 2000
