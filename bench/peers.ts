/** The packages that ours is measured against, installed into `bench/` at first use and never with the package. */

import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

const here = import.meta.dirname

/** Installs what the lock file names, once. Without it those peers are left out, one line each. */
export function installPeers(say: (line: string) => void): void {
  const { dependencies } = JSON.parse(readFileSync(join(here, 'package.json'), 'utf8')) as {
    dependencies: Record<string, string>
  }
  const missing = Object.keys(dependencies).filter((name) => !existsSync(join(here, 'node_modules', name)))
  if (missing.length === 0) return
  say(`installing the peers (once): ${missing.join(', ')}`)
  const { status, error } = spawnSync('npm', ['ci', '--prefix', here, '--loglevel', 'error'], { stdio: 'inherit' })
  if (status !== 0)
    say(`!! npm ci --prefix bench failed (${error?.message ?? `exit code ${status}`}): going on without them`)
}
