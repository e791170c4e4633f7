/** What kind of file lies under a path of the store: the label `kind` of what is counted about files. */

import { basename, sep } from 'node:path'
import { storeNames } from './commitlog/format.js'
import { suffix } from './segments/format.js'

/** Where the files of a store lie. */
export interface FilePlaces {
  /** Of the key indexes. */
  readonly keyIndexes: string
  /** RocketMQ's directory. */
  readonly commitLogStore: string
}

/** Those whose files are hints and can be made anew. */
export const indexKinds: ReadonlySet<string> = new Set([
  'offset-index',
  'time-index',
  'transaction-index',
  'key-index',
  'consume-queue',
  'message-index',
])

const kindOfSuffix: readonly (readonly [suffix: string, kind: string])[] = [
  [suffix.log, 'log'],
  [suffix.offsetIndex, 'offset-index'],
  [suffix.timeIndex, 'time-index'],
  [suffix.transactionIndex, 'transaction-index'],
]

const kindOfDirectory: readonly (readonly [directory: string, kind: string])[] = [
  [storeNames.commitLog, 'commit-log'],
  [storeNames.consumeQueue, 'consume-queue'],
  [storeNames.index, 'message-index'],
]

export function kindsIn({ keyIndexes, commitLogStore }: FilePlaces): (path: string) => string {
  const directories = [
    [`${keyIndexes}${sep}`, 'key-index'],
    ...kindOfDirectory.map(([directory, kind]) => [`${commitLogStore}${sep}${directory}${sep}`, kind]),
  ]
  return (path) => {
    const [, ofDirectory] = directories.find(([directory]) => path.startsWith(directory)) ?? []
    if (ofDirectory !== undefined) return ofDirectory
    // A spare or a cleaned segment carries more behind the suffix.
    const name = basename(path)
    const [, ofSuffix] = kindOfSuffix.find(([each]) => name.endsWith(each) || name.includes(`${each}.`)) ?? []
    return ofSuffix ?? 'other'
  }
}
