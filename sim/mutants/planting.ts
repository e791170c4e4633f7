/** Puts a deliberate bug into a copy of the sources. */

import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import type { Change, Mutant } from './list.js'

const root = resolve(import.meta.dirname, '../..')

/** All that a mutant changes. */
export function changesOf({ file, find, replace, also = [] }: Mutant): readonly Change[] {
  return [{ file, find, replace }, ...also]
}

/** Where the file lies that is changed, below a copy of the repository or the repository itself. */
export function pathOf({ file }: Change, below = root): string {
  return join(below, 'src', file)
}

/** The source with the bug in it. @throws where its text is not there, or more than once: the engine was changed */
export function planted(source: string, { file, find, replace }: Change): string {
  const parts = source.split(find)
  if (parts.length === 2) return parts.join(replace)
  throw new Error(`This occurs ${parts.length - 1} times in src/${file}, and has to once:\n${find}`)
}

/** Runs `work` on a copy of what the simulator needs, with the bug in it; without one it is a copy and nothing else. */
export async function inCopy<T>(mutant: Mutant | undefined, work: (directory: string) => Promise<T>): Promise<T> {
  const directory = mkdtempSync(join(tmpdir(), 'holdfast-mutant-'))
  try {
    for (const name of ['src', 'sim', 'scripts']) cpSync(join(root, name), join(directory, name), { recursive: true })
    for (const name of ['package.json', 'tsconfig.json']) cpSync(join(root, name), join(directory, name))
    symlinkSync(join(root, 'node_modules'), join(directory, 'node_modules'))
    for (const change of mutant === undefined ? [] : changesOf(mutant)) {
      const path = pathOf(change, directory)
      writeFileSync(path, planted(readFileSync(path, 'utf8'), change))
    }
    return await work(directory)
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}
