/** A file mapped for reading, by libc alone: what the raw loops that serve mapped bytes stand on. Linux only. */

import { closeSync, fstatSync, openSync } from 'node:fs'
import { createRequire } from 'node:module'

const protRead = 1
const mapShared = 1
const mapPopulate = 0x8000

/** The bytes of the file. They stay mapped until the process ends. */
export function mapFile(path: string): Buffer {
  const koffi = createRequire(import.meta.url)('koffi') as typeof import('koffi')
  const mmap = koffi
    .load('libc.so.6')
    .func('void *mmap(void *addr, size_t length, int prot, int flags, int fd, int64_t offset)')
  const fd = openSync(path, 'r')
  const { size } = fstatSync(fd)
  const address: unknown = mmap(null, size, protRead, mapShared | mapPopulate, fd, 0)
  closeSync(fd)
  if (BigInt(koffi.address(address)) === 0xffff_ffff_ffff_ffffn) throw new Error(`${path} cannot be mapped`)
  return Buffer.from(koffi.view(address, size))
}
