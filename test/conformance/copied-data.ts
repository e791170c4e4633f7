/** Copies of data directories, as they lie there; but for sockets, which a killed broker leaves. */

import { cpSync, lstatSync } from 'node:fs'

export function copyData(from: string, to: string): void {
  cpSync(from, to, { recursive: true, filter: (path) => !lstatSync(path).isSocket() })
}
