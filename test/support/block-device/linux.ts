/** The few calls of Linux that mount a file system, take it away, and shut it down as a power cut would. */

import { closeSync, openSync } from 'node:fs'
import { createRequire } from 'node:module'

type Koffi = typeof import('koffi')

// <linux/loop.h>
const loopControl = '/dev/loop-control'
const getFreeLoop = 0x4c82
const configureLoop = 0x4c0a
/** struct loop_config: fd, block size, struct loop_info64, 64 bytes reserved. */
const loopConfigBytes = 304
const loopFlagsAt = 8 + 52
/** The device lets go of its file when nobody has it open or mounted any more. */
const autoclear = 4

// <linux/mount.h>, <sys/mount.h>
const noAccessTimes = 1024
const detach = 2

/** _IOR('X', 125, __u32), the same for ext4 and xfs; the flag says that not even the journal is written out. */
const shutdownCall = 0x8004587d
const withoutJournal = 2

let bound: ReturnType<typeof bind> | undefined

const native = (): ReturnType<typeof bind> => {
  bound ??= bind(createRequire(import.meta.url)('koffi') as Koffi)
  return bound
}

function bind(koffi: Koffi) {
  const library = koffi.load('libc.so.6')
  const codes = Object.entries(koffi.os.errno)
  const failure = (doing: string) => {
    const code = codes.find(([, number]) => number === koffi.errno())?.[0] ?? `errno ${koffi.errno()}`
    return Object.assign(new Error(`${code}: ${doing}`), { code })
  }
  return {
    failure,
    ioctl: library.func('int ioctl(int fd, unsigned long request, ...)'),
    mount: library.func('int mount(str source, str target, str type, unsigned long flags, str data)'),
    umount: library.func('int umount2(str target, int flags)'),
  }
}

export interface LoopDevice {
  readonly path: string
  /** Lets go: the device goes with the last mount of it. */
  close(): void
}

/** Makes a block device of a file. */
export function attachLoop(file: string): LoopDevice {
  const { ioctl, failure } = native()
  const backing = openSync(file, 'r+')
  const control = openSync(loopControl, 'r+')
  try {
    for (;;) {
      const number = ioctl(control, getFreeLoop, 'int', 0) as number
      if (number < 0) throw failure('asking for a free loop device')
      const path = `/dev/loop${number}`
      const device = openSync(path, 'r+')
      const config = Buffer.alloc(loopConfigBytes)
      config.writeUInt32LE(backing, 0)
      config.writeUInt32LE(autoclear, loopFlagsAt)
      if (ioctl(device, configureLoop, 'void *', config) === 0) return { path, close: () => closeSync(device) }
      const error = failure(`attaching ${file} to ${path}`)
      closeSync(device)
      // Somebody else was faster.
      if (error.code !== 'EBUSY') throw error
    }
  } finally {
    closeSync(backing)
    closeSync(control)
  }
}

export type FileSystemKind = 'ext4' | 'xfs'

export function mount(device: string, target: string, kind: FileSystemKind, options = ''): void {
  const { mount: call, failure } = native()
  // The same file system may be there twice: once as it was, and once as a power cut left it.
  const data = [...(kind === 'xfs' ? ['nouuid'] : []), ...(options === '' ? [] : [options])].join(',')
  if (call(device, target, kind, noAccessTimes, data) !== 0) throw failure(`mounting ${device} (${kind}, ${data})`)
}

export function unmount(target: string): void {
  const { umount, failure } = native()
  if (umount(target, 0) !== 0) throw failure(`unmounting ${target}`)
}

/** For cleaning up: it goes when the last file in it is closed. */
export function detachMount(target: string): void {
  native().umount(target, detach)
}

/** From here on the file system writes nothing more, whatever it still holds in memory. */
export function shutDown(mountPoint: string): void {
  const { ioctl, failure } = native()
  const directory = openSync(mountPoint, 'r')
  try {
    const flags = Buffer.alloc(4)
    flags.writeUInt32LE(withoutJournal)
    if (ioctl(directory, shutdownCall, 'void *', flags) !== 0) throw failure(`shutting down ${mountPoint}`)
  } finally {
    closeSync(directory)
  }
}
