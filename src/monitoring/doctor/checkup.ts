/** All checks of `holdfast doctor` on one data directory, in the order in which they are told. None of them throws. */

import type { Clock } from '../../core/clock.js'
import type { Settings } from '../../core/settings.js'
import type { Disk } from '../../files/disk.js'
import { logPathOf } from '../../storage/data-directory.js'
import { adviceAtOnce } from '../advice/advisor.js'
import type { Evidence } from '../advice/rule.js'
import { rules } from '../advice/rules.js'
import { hostFacts } from '../host.js'
import { probeDirectory } from '../watching.js'
import { adviceResult, type CheckResult, ok } from './check.js'
import { checkDevice, checkDirectory, checkSpace, holderOf, nearestPresent, newestWriteMs } from './directory-checks.js'
import { checkClock, checkNative, checkNode } from './program-checks.js'

export interface CheckupOptions {
  readonly dataPath: string
  readonly settings: Settings
  readonly disk: Disk
  readonly clock: Clock
  readonly nodeVersion: string
  readonly platform: string
  /** Where it is to listen; `isFree` tries it. */
  readonly listen: { readonly host: string; readonly port: number }
  isFree(host: string, port: number): Promise<boolean>
}

export async function checkup(options: CheckupOptions): Promise<readonly CheckResult[]> {
  const { dataPath, settings, disk, clock } = options
  const results: CheckResult[] = [checkNode(options.nodeVersion), ...checkNative(options.platform)]
  const newestMs = await newestWriteMs(dataPath, disk)
  const holder = await holderOf(dataPath, disk)
  const directory = await checkDirectory(dataPath, disk)
  results.push(directory.result, await checkPort(options, holder !== undefined))
  const logs = await nearestPresent(probeDirectory(dataPath, logPathOf(dataPath, settings)), disk)
  const space = await checkSpace(logs, options)
  const device = directory.result.severity === 'ok' ? await checkDevice(logs, options) : undefined
  const host = await hostFacts(logs, disk, holder?.pid)
  results.push(space.result)
  if (host.fileSystem !== null) {
    results.push(ok('file system', `${host.fileSystem.type}, mounted at ${host.fileSystem.mountPoint}.`))
  }
  if (host.openFilesLimit !== null) {
    const whose = holder === undefined ? 'this shell allows' : `process ${holder.pid} may have`
    results.push(ok('descriptors', `${host.openFilesLimit} open files, as ${whose}.`))
  }
  if (device !== undefined) results.push(device.result)
  results.push(checkClock(clock, directory.writtenMs, newestMs))
  const evidence: Evidence = { settings, disk: space.state, device: device?.device, host }
  return [...results, ...adviceAtOnce(rules, evidence, clock.now()).map(adviceResult)]
}

async function checkPort({ listen, isFree, dataPath }: CheckupOptions, isServed: boolean): Promise<CheckResult> {
  const address = `${listen.host.includes(':') ? `[${listen.host}]` : listen.host}:${listen.port}`
  if (await isFree(listen.host, listen.port)) return ok('port', `${address} is free.`)
  if (isServed) return ok('port', `${address} is taken, perhaps by the process that serves ${dataPath}.`)
  return {
    check: 'port',
    severity: 'warning',
    what: `${address} cannot be listened on: it is taken, or no address of this machine.`,
    next: 'Stop what listens there, or name another address with --listen; port 0 takes a free one.',
  }
}
