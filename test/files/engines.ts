/** The file engines, real and simulated, that all must pass the same cases. */

import { MemoryDisk } from '../../sim/memory-disk.js'
import type { Disk, OpenOptions } from '../../src/files/disk.js'
import { libc } from '../../src/files/libc.js'
import { nodeDisk } from '../../src/files/node-disk.js'

export interface Engine {
  readonly name: string
  readonly disk: Disk
  readonly options: Omit<OpenOptions, 'mode'>
  /** A mapped file ends in zeros that nobody wrote. */
  readonly hasTail: boolean
}

/** Where libc cannot be reached there is no mapping, and the refusal has a test of its own. */
export function engines(): Engine[] {
  const variants = [false, true].flatMap((mapped) => [false, true].map((dsync) => ({ mapped, dsync })))
  return variants.flatMap(({ mapped, dsync }) => {
    const name = `${mapped ? 'mmap' : 'disk'}${dsync ? ', dsync' : ''}`
    const real = { name, disk: nodeDisk, options: { mapped, dsync }, hasTail: mapped }
    const simulated = {
      name: `${name}, in memory`,
      disk: new MemoryDisk(),
      options: { mapped, dsync },
      hasTail: mapped,
    }
    return mapped && libc() === undefined ? [simulated] : [real, simulated]
  })
}
