/**
 * Mends what verify finds, as far as the messages still have the truth: says what it would do, and does it when told to.
 * Whatever it takes out or writes over lies in the quarantine afterwards.
 */

import { dirname } from 'node:path'
import type { Clock } from '../../core/clock.js'
import { type Randomness, systemRandomness } from '../../core/randomness.js'
import { resolveSettings, type Settings } from '../../core/settings.js'
import type { Disk } from '../../files/disk.js'
import type { Finding } from '../inspect/findings.js'
import { isMeant, lockTarget, targetOf } from '../inspect/target.js'
import { type Progress, type VerifiedTarget, verifyTarget } from '../inspect/verify.js'
import { Quarantine } from './quarantine.js'
import { planCheckpoints, planEpochs, planHoles, planMetadata, planNames } from './repair-files.js'
import { LogRepair, type RepairedLog } from './repair-log.js'
import { planStore } from './repair-store.js'
import type { Choice, RepairStep, RepairTools } from './step.js'

export interface RepairOptions {
  readonly disk: Disk
  readonly clock: Clock
  readonly randomness?: Randomness
  readonly settings?: Settings
  /** Does what it says. */
  readonly apply?: boolean
  readonly choice?: Choice
  readonly onProgress?: (progress: Progress) => void
}

export interface PlannedStep {
  readonly kind: RepairStep['kind']
  readonly path: string
  readonly what: string
}

export interface RepairReport {
  readonly steps: readonly PlannedStep[]
  readonly applied: boolean
  /** Where what was taken out lies; undefined where nothing was. */
  readonly quarantine?: string
  /** What is still to be found afterwards, or now where nothing was applied. */
  readonly findings: readonly Finding[]
}

/** @throws INVALID_ARGUMENT where the path is nothing to repair, DATA_DIR_LOCKED where somebody serves it */
export async function repair(path: string, options: RepairOptions): Promise<RepairReport> {
  const { disk, clock, choice } = options
  const target = await targetOf(disk, path, options.settings ?? resolveSettings())
  const lock = await lockTarget(disk, target)
  try {
    const verified = await verifyTarget(target, options)
    const quarantine = new Quarantine(
      disk,
      target.dataPath ?? dirname(target.logPath ?? target.storePath ?? path),
      clock.now(),
    )
    const steps = await plan(verified, {
      disk,
      clock,
      randomness: options.randomness ?? systemRandomness,
      quarantine,
      choice,
    })
    const shown = steps.map(({ kind, path: of, what }) => ({ kind, path: of, what }))
    const doable = steps.filter(({ kind }) => kind === 'do')
    if (!options.apply || doable.length === 0) return { steps: shown, applied: false, findings: verified.findings.all }
    await quarantine.open(page(path, clock, shown))
    for (const step of doable) await step.run?.()
    const { findings } = await verifyTarget(target, options)
    return { steps: shown, applied: true, quarantine: quarantine.path, findings: findings.all }
  } finally {
    await lock.release()
  }
}

/** In an order in which a crash between two steps leaves nothing that a second repair could not mend. */
async function plan(verified: VerifiedTarget, tools: RepairTools): Promise<RepairStep[]> {
  const { findings, log, store, target } = verified
  const all = findings.all.filter(({ path }) => isMeant(target, path))
  const logs: RepairedLog[] = []
  for (const facts of log.partitions) {
    const own = all.filter(({ path }) => path === facts.directory || path.startsWith(`${facts.directory}/`))
    logs.push(await new LogRepair(facts, own, tools).plan())
  }
  // Before the files are changed: a start in between would take the hole for damage, which is what it is.
  return [
    ...planNames(all, tools),
    ...planMetadata(verified, tools),
    ...planHoles(verified, logs, tools),
    ...logs.flatMap(({ steps }) => steps),
    ...(store === undefined ? [] : await planStore(store, all, tools)),
    ...planEpochs(logs, all, tools),
    ...planCheckpoints(verified, logs, tools),
  ]
}

function page(path: string, clock: Clock, steps: readonly PlannedStep[]): string {
  const done = steps.filter(({ kind }) => kind === 'do').map(({ path: of, what }) => `- ${of}\n  ${what}`)
  const time = new Date(clock.now()).toISOString()
  return `What "holdfast repair --apply" took out of ${path} on ${time}.

Every file lies here under the path that it had. FILE.bytes-A-to-B holds the bytes from A to B that FILE lost or that
were written over. Nothing of this is read by anybody any more; remove the directory when you are sure.

It began to do this, in this order:

${done.join('\n')}
`
}
