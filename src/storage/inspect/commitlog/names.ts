/** What the files under RocketMQ's directory are, by where they lie and what they are called. */

import { basename, dirname } from 'node:path'
import { positionOfFileName, storeNames } from '../../commitlog/format.js'
import { isIndexFileName } from '../../commitlog/index-format.js'
import { storeState } from '../../store-places.js'
import type { FileKind } from '../names.js'

/** What a repair has cut off a file, and kept. */
const keptPart = /^(\d{20})\.bytes-(\d+)-to-\d+$/

/** The position of the first byte of a file of the commit log, or of a part of one; 0 where its name does not say it. */
export function startOfLogFile(path: string): number {
  const name = basename(path)
  const [, whole = name, from = '0'] = keptPart.exec(name) ?? []
  const start = positionOfFileName(whole)
  return start === undefined ? 0 : start + Number(from)
}

/** Undefined for what is none of them. */
export function kindInStore(path: string): FileKind | undefined {
  const name = basename(path)
  const place = basename(dirname(path))
  if (name === storeState.snapshot && place === storeState.directory) return 'queues-snapshot'
  if (keptPart.test(name)) return 'commit-log'
  if (positionOfFileName(name) !== undefined) return /^\d{1,10}$/.test(place) ? 'consume-queue' : 'commit-log'
  if (isIndexFileName(name)) return 'message-index'
  if (name === storeNames.checkpoint) return 'store-checkpoint'
  if (name === storeNames.abort || name === `${storeNames.abort}.bak`) return 'mark'
  return /\.json\.bak$/.test(name) && place === storeNames.config ? 'json' : undefined
}
