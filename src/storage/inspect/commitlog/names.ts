/** What the files under RocketMQ's directory are, by where they lie and what they are called. */

import { basename, dirname } from 'node:path'
import { positionOfFileName, storeNames } from '../../commitlog/format.js'
import { isIndexFileName } from '../../commitlog/index-format.js'
import { storeState } from '../../store-places.js'
import type { FileKind } from '../names.js'

/** Undefined for what is none of them. */
export function kindInStore(path: string): FileKind | undefined {
  const name = basename(path)
  const place = basename(dirname(path))
  if (name === storeState.snapshot && place === storeState.directory) return 'queues-snapshot'
  if (positionOfFileName(name) !== undefined) return /^\d{1,10}$/.test(place) ? 'consume-queue' : 'commit-log'
  if (isIndexFileName(name)) return 'message-index'
  if (name === storeNames.checkpoint) return 'store-checkpoint'
  if (name === storeNames.abort || name === `${storeNames.abort}.bak`) return 'mark'
  return /\.json\.bak$/.test(name) && place === storeNames.config ? 'json' : undefined
}
