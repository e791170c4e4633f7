/** Lists a directory of files of one size, as the commit log and the consume queues are, and says what is wrong with it. */

import { join } from 'node:path'
import { mapParallel } from '../../../core/parallel.js'
import type { Disk } from '../../../files/disk.js'
import { positionOfFileName } from '../../commitlog/format.js'
import type { Findings } from '../findings.js'

export interface FixedFile {
  readonly path: string
  /** Position of its first byte, as its name says. */
  readonly start: number
  readonly sizeInBytes: number
}

export interface ListedDirectory {
  readonly directory: string
  /** Ascending; also those of a wrong size. */
  readonly files: readonly FixedFile[]
  /** Names that are no position: with one of them neither program opens the directory. */
  readonly strays: readonly string[]
}

const parallelStats = 16

export async function listFixedFiles(disk: Disk, directory: string): Promise<ListedDirectory> {
  const names = ((await disk.list(directory)) ?? []).filter(({ isDirectory }) => !isDirectory).map(({ name }) => name)
  const strays = names.filter((name) => positionOfFileName(name) === undefined).map((name) => join(directory, name))
  const placed = names.flatMap((name) => {
    const start = positionOfFileName(name)
    return start === undefined ? [] : [{ path: join(directory, name), start }]
  })
  const files = await mapParallel(placed, parallelStats, async (file) => ({
    ...file,
    sizeInBytes: (await disk.stat(file.path))?.sizeInBytes ?? 0,
  }))
  return { directory, files: files.sort((one, other) => one.start - other.start), strays }
}

/** The size that most of the files have; `usual` where there are none, or as many have one as another. */
export function sizeOfMost(files: readonly FixedFile[], usual: number): number {
  const counts = new Map<number, number>()
  for (const { sizeInBytes } of files) {
    if (sizeInBytes > 0) counts.set(sizeInBytes, (counts.get(sizeInBytes) ?? 0) + 1)
  }
  const most = Math.max(0, ...counts.values())
  const sizes = [...counts].filter(([, count]) => count === most).map(([size]) => size)
  return sizes.length === 1 ? sizes[0] : usual
}

export interface SizeRules {
  readonly fileBytes: number
  /** The store was closed in order; else a short last file is made whole by the next start. */
  readonly clean: boolean
  /** What to do about a file of a wrong size or a stray one. */
  readonly next?: string
}

/** The files that can be read; the others, and holes between them, are findings. */
export function checkFixedFiles(listed: ListedDirectory, rules: SizeRules, findings: Findings): readonly FixedFile[] {
  const { fileBytes, clean, next } = rules
  const more = { ...(next !== undefined && { next }), severity: 'error' } as const
  for (const path of listed.strays) {
    findings.add('foreign-file', path, 'Its name is no position: with it the store does not open', more)
  }
  const readable: FixedFile[] = []
  for (const [i, file] of listed.files.entries()) {
    const { path, start, sizeInBytes } = file
    const isLast = i === listed.files.length - 1
    if (isLast && sizeInBytes === 0)
      findings.add('leftover', path, 'It was made for what comes next, and holds nothing')
    else if (start % fileBytes !== 0) {
      const what = `Its name is no multiple of the size of the files, ${fileBytes}: with it the store does not open`
      findings.add('foreign-file', path, what, more)
    } else {
      readable.push(file)
      if (sizeInBytes === fileBytes) continue
      const what = `It has ${sizeInBytes} bytes, and the others ${fileBytes}`
      if (isLast && !clean && sizeInBytes < fileBytes) findings.add('leftover', path, `${what}: it was being made`)
      else findings.add('file-size-wrong', path, what, next === undefined ? {} : { next })
    }
  }
  return readable
}
