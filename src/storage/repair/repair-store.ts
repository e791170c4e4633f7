/**
 * What a repair does to RocketMQ's directory. What is derived from the commit log and is wrong is moved aside, and the next
 * start makes it anew. Where messages are lost the log can only end before them: it has no way to say that some are
 * missing, and queues whose offsets do not go on from one to the next are opened by neither program.
 */

import { basename, dirname, join } from 'node:path'
import { positionFileName, positionOfFileName, storeNames } from '../commitlog/format.js'
import type { StoreFacts } from '../inspect/commitlog/check-store.js'
import type { Finding, FindingCode } from '../inspect/findings.js'
import { kindOfPath, withFile } from '../inspect/open-file.js'
import { endOfContent } from '../segments/end-of-content.js'
import type { RepairStep, RepairTools } from './step.js'

/** Of these messages are lost, or stand where no queue can have them. */
const losses: ReadonlySet<FindingCode> = new Set([
  'message-damaged',
  'positions-missing',
  'offsets-missing',
  'offsets-overlap',
])

/** @param findings those that are meant to be mended */
export async function planStore(
  store: StoreFacts,
  findings: readonly Finding[],
  tools: RepairTools,
): Promise<RepairStep[]> {
  const lost = findings.filter(({ code, severity, path }) => {
    return losses.has(code) && severity === 'error' && dirname(path) === join(store.storePath, storeNames.commitLog)
  })
  const manual = findings.flatMap(({ code, path, severity, what, next }): RepairStep[] => {
    const isMeant = code === 'file-size-wrong' && severity === 'error' && path.startsWith(commitLogIn(store))
    return isMeant ? [{ kind: 'manual', path, what: `${what}: ${next}` }] : []
  })
  return [...manual, ...(lost.length === 0 ? planDerived(store, findings, tools) : await planCut(store, lost, tools))]
}

function commitLogIn({ storePath }: StoreFacts): string {
  return `${storePath}/${storeNames.commitLog}/`
}

/** Queues with wrong entries, and the key index as a whole. */
function planDerived(store: StoreFacts, findings: readonly Finding[], tools: RepairTools): RepairStep[] {
  const queues = join(store.storePath, storeNames.consumeQueue)
  const index = join(store.storePath, storeNames.index)
  const wrong = new Set<string>()
  for (const { code, path, severity } of findings) {
    if (code === 'queue-wrong') wrong.add(path)
    if (code === 'file-size-wrong' && severity === 'error' && path.startsWith(`${queues}/`)) wrong.add(dirname(path))
    if (code === 'message-index-wrong') wrong.add(index)
  }
  return [...wrong].map((path) => asideStep(store, path, 'the next start makes it anew from the commit log', tools))
}

/** Neither program believes what it left where it was not closed in order. */
function asideStep(store: StoreFacts, path: string, why: string, { disk, quarantine }: RepairTools): RepairStep {
  return {
    kind: 'do',
    path,
    what: `move it aside; ${why}`,
    run: async () => {
      await disk.replaceFile(join(store.storePath, storeNames.abort), Buffer.from('0'))
      await quarantine.take(path)
    },
  }
}

async function planCut(store: StoreFacts, lost: readonly Finding[], tools: RepairTools): Promise<RepairStep[]> {
  const { end, files, fileBytes } = store
  const cutAt = Math.min(...lost.map((finding) => placeOf(finding, store)))
  const gone = Math.max(0, end - cutAt)
  const path = join(commitLogIn(store), positionFileName(cutAt - (cutAt % fileBytes)))
  if (tools.choice !== 'cut') {
    const isSkip = tools.choice === 'skip'
    const what = isSkip
      ? 'a commit log cannot go on behind messages that are lost: put a good copy of the file back, or choose --cut'
      : `put a good copy of the file back, or choose --cut, which ends the log at position ${cutAt}, ${gone} bytes before its end; messages of every queue behind it are set aside`
    return [{ kind: isSkip ? 'manual' : 'choose', path, what }]
  }
  const first = files[0]?.start ?? 0
  const later = files.filter(({ start }) => start >= cutAt && start > first)
  const last = files.find(
    ({ start }) => start <= cutAt && cutAt < start + fileBytes && !later.some((one) => one.start === start),
  )
  return [
    ...(await derivedOf(store, tools)).map((one) => asideStep(store, one, 'it leads to what is cut off', tools)),
    ...[...later].reverse().map((file) => asideStep(store, file.path, 'it lies behind the end of the log', tools)),
    ...(last === undefined ? [] : [cutStep(last.path, cutAt - last.start, fileBytes, tools)]),
  ]
}

/** The first position that is lost, as far as a finding says it. */
function placeOf({ code, path, position = 0 }: Finding, { lost, rest }: StoreFacts): number {
  const at = (positionOfFileName(basename(path)) ?? 0) + position
  if (code !== 'positions-missing') return at
  const hole = [...lost, ...(rest === undefined ? [] : [rest])].find(({ from, to }) => from < at && at <= to)
  return Math.min(at, hole?.from ?? at)
}

/** Everything that is there and names messages by their places. */
async function derivedOf({ storePath, snapshotPath }: StoreFacts, { disk }: RepairTools): Promise<string[]> {
  const names = [storeNames.consumeQueue, storeNames.index, storeNames.checkpoint]
  const paths = [...names.map((name) => join(storePath, name)), ...(snapshotPath === undefined ? [] : [snapshotPath])]
  const kinds = await Promise.all(paths.map((path) => kindOfPath(disk, path)))
  return paths.filter((_, i) => kinds[i] !== undefined)
}

function cutStep(path: string, at: number, fileBytes: number, { disk, quarantine }: RepairTools): RepairStep {
  return {
    kind: 'do',
    path,
    what: `end the log at byte ${at}, and keep what lies behind`,
    run: async () => {
      const content = await withFile(disk, path, (open, size) => endOfContent(open, at, size))
      if (content > at) await quarantine.keepBytes(path, at, content)
      const file = await disk.open(path, { mode: 'write' })
      try {
        await file.truncate(at)
        // Every file has its full length; behind the end it holds zeros.
        await file.truncate(fileBytes)
      } finally {
        await file.close()
      }
    },
  }
}
