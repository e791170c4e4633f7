/**
 * That what lies in a generation, or was restored from one, is what its manifest says: each file has its length, each
 * batch and message its checksum, and each log goes without a gap from its start to its end.
 */

import { join } from 'node:path'
import { HoldfastError } from '../../core/errors.js'
import type { Disk } from '../../files/disk.js'
import { BatchScanner } from '../segments/batch-scanner.js'
import { maxRelativeOffset, parseSegmentFileName, partitionDirectoryName, suffix } from '../segments/format.js'
import type { Watcher } from './file-copies.js'
import { type BackedUpFile, type BackedUpLog, bytesIn, type Manifest } from './manifest.js'
import { commitLogFiles, verifyCommitLog } from './verifying-commit-log.js'

interface LogFile extends BackedUpFile {
  readonly baseOffset: number
}

/**
 * @param isVerified files that were verified when they were copied; of them only the length is looked at
 * @throws BACKUP_DAMAGED with the first fault that is found
 */
export async function verifyGeneration(
  disk: Disk,
  generation: string,
  manifest: Manifest,
  watcher: Watcher,
  isVerified: (file: BackedUpFile) => boolean = () => false,
): Promise<void> {
  for (const { path, sizeInBytes } of manifest.files) {
    const found = await disk.stat(join(generation, path))
    if (found?.sizeInBytes === sizeInBytes) continue
    const why = found === undefined ? 'is missing' : `has ${found.sizeInBytes} bytes, not ${sizeInBytes}`
    throw new HoldfastError('BACKUP_DAMAGED', `${join(generation, path)} ${why}.`)
  }
  const logs = new Map(manifest.logs.map((log) => [partitionDirectoryName(log.topic, log.partition), log]))
  const files = logFilesByDirectory(manifest.files)
  const toRead = (file: BackedUpFile) => !isVerified(file)
  const ofCommitLog = commitLogFiles(manifest.files)
  const read = [...[...files.values()].flat(), ...ofCommitLog].filter(toRead)
  const totalBytes = read.reduce((sum, file) => sum + bytesIn(file), 0)
  let doneBytes = 0
  const scanned = (bytes: number) => {
    doneBytes += bytes
    watcher.onProgress?.({ doing: 'verifying', doneBytes, totalBytes })
    watcher.signal?.throwIfAborted()
  }
  for (const [name, log] of logs) await verifyLog(disk, generation, log, files.get(name) ?? [], toRead, scanned)
  if (manifest.commitLog !== undefined) {
    await verifyCommitLog(disk, generation, manifest.commitLog, ofCommitLog, toRead, scanned)
  }
}

function logFilesByDirectory(files: readonly BackedUpFile[]): Map<string, LogFile[]> {
  const found = new Map<string, LogFile[]>()
  for (const file of files) {
    const [root, directory, name = ''] = file.path.split('/')
    const parsed = parseSegmentFileName(name)
    if (root !== 'log' || parsed?.suffix !== suffix.log) continue
    const others = found.get(directory) ?? []
    others.push({ ...file, baseOffset: parsed.offset })
    found.set(directory, others)
  }
  for (const logFiles of found.values()) logFiles.sort((a, b) => a.baseOffset - b.baseOffset)
  return found
}

async function verifyLog(
  disk: Disk,
  generation: string,
  log: BackedUpLog,
  files: readonly LogFile[],
  toRead: (file: BackedUpFile) => boolean,
  scanned: (bytes: number) => void,
): Promise<void> {
  const { topic, partition, startOffset, endOffset, mayHaveHoles } = log
  const fault = (path: string, why: string) =>
    new HoldfastError('BACKUP_DAMAGED', `${join(generation, path)} of ${topic}-${partition} ${why}.`)
  const first = files[0]
  if (first === undefined && startOffset < endOffset)
    throw fault('log', `holds nothing of ${startOffset} to ${endOffset}`)
  if (first !== undefined && first.baseOffset > startOffset && !mayHaveHoles)
    throw fault(first.path, `begins behind the start of the log at ${startOffset}`)
  for (const [at, file] of files.entries()) {
    if (!toRead(file)) continue
    const end = files[at + 1]?.baseOffset ?? endOffset
    const nextOffset = await scanFile(disk, join(generation, file.path), file, mayHaveHoles, scanned)
    if (nextOffset === undefined) throw fault(file.path, 'holds a bad record batch')
    if (nextOffset > end || (nextOffset < end && !mayHaveHoles))
      throw fault(file.path, `ends at ${nextOffset}, not ${end}`)
  }
}

/** The offset behind the last batch; undefined where a batch is bad. */
async function scanFile(
  disk: Disk,
  path: string,
  { baseOffset, sizeInBytes }: LogFile,
  mayHaveHoles: boolean,
  scanned: (bytes: number) => void,
): Promise<number | undefined> {
  const file = await disk.open(path, { mode: 'read' })
  try {
    const range = {
      start: 0,
      end: sizeInBytes,
      minOffset: baseOffset,
      maxOffset: baseOffset + maxRelativeOffset,
      contiguous: !mayHaveHoles,
    }
    const scanner = new BatchScanner(file, range, { verify: true })
    let nextOffset = baseOffset
    let told = 0
    for (let found = await scanner.next(); found !== undefined; found = await scanner.next()) {
      nextOffset = found.batch.nextOffset
      if (scanner.position - told < tellingBytes) continue
      scanned(scanner.position - told)
      told = scanner.position
    }
    scanned(scanner.position - told)
    return scanner.stop === 'end' ? nextOffset : undefined
  } finally {
    await file.close()
  }
}

/** Scanned between two words of progress. */
const tellingBytes = 32 * 1024 * 1024
