/** Our own programs in Java: compiled when they are needed, against the jars that they use. */

import { spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { makeTemporaryDirectory, type TemporaryDirectory } from '../../../src/files/temporary-directory.js'

/** The classes of all sources in `directories`. @throws Error with what the compiler says */
export async function compileJava(directories: readonly string[], classPath: string): Promise<TemporaryDirectory> {
  const classes = await makeTemporaryDirectory('holdfast-classes-')
  const files = directories.flatMap((directory) =>
    readdirSync(directory)
      .filter((name) => name.endsWith('.java'))
      .map((name) => join(directory, name)),
  )
  const args = ['-nowarn', '-Xlint:none', '-encoding', 'UTF-8', '-cp', classPath, '-d', classes.path, ...files]
  const { status, stderr } = spawnSync('javac', args, { encoding: 'utf8' })
  if (status === 0) return classes
  await classes.remove()
  throw new Error(`It does not compile: ${stderr}`)
}
