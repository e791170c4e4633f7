/**
 * The program in few files instead of some six hundred, whose loading is half of what a start costs: who kills a broker a
 * thousand times mostly waits for it to come back. The sources, the packages and what they do are the same.
 */

import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { bundle } from '../../scripts/bundle.js'
import { holdfast } from '../support/served-broker.js'

/** Bundles the sources as they are now; where its command lies, until this process ends. */
export async function bundleProgram(): Promise<string> {
  const { directory } = await bundle(['src/cli/main.ts'])
  const path = join(directory, 'bin/holdfast')
  await mkdir(join(directory, 'bin'))
  await writeFile(path, (await readFile(holdfast, 'utf8')).replaceAll('../dist/', '../src/'))
  return path
}
