/** Sources of the tests that run as programs of their own. */

import { relative } from 'node:path'
import { repository } from './served-broker.js'

/** Those that are started so often that they are bundled with the tests, by their names from the root of the repository. */
export const bundledPrograms = [
  'test/conformance/random-writer.ts',
  'test/crash/embedded-writer.ts',
  'test/crash/store-writer.ts',
  'test/files/risky-cases.ts',
  'test/syscalls/embedding.ts',
]

/** Where the runner has put the bundle. */
export const bundleVariable = 'HOLDFAST_TEST_BUNDLE'

/** What node is given to run a source: as it was bundled, or else translated as it is loaded. */
export function programArguments(path: string): string[] {
  const source = relative(repository, path)
  const bundle = process.env[bundleVariable]
  if (bundle === undefined || !bundledPrograms.includes(source)) return ['--import', 'tsx', path]
  return [`${bundle}/${source.replace(/\.ts$/, '.js')}`]
}
