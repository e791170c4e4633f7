/** `holdfast doctor` as a user types it: on a folder, on a served one, on one that lies in memory. */

import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { makeTemporaryDirectory } from '../../src/files/temporary-directory.js'
import { rules } from '../../src/monitoring/advice/rules.js'
import type { CheckResult } from '../../src/monitoring/doctor/check.js'
import { freePorts } from '../support/free-ports.js'
import { holdfast, serve } from '../support/served-broker.js'
import { mountSmallDisk, withoutTmpfs } from '../support/tmpfs.js'
import { runProgram } from '../support/tools.js'

const freePort = async () => (await freePorts(1))[0]
const doctor = (...args: string[]) => runProgram(process.execPath, [holdfast, 'doctor', ...args])

interface Report {
  readonly checks: readonly CheckResult[]
  readonly findings: number
}

async function reportOf(...args: string[]): Promise<Report & { readonly code: number | null }> {
  const { code, stdout, stderr } = await doctor('--json', ...args)
  assert.notEqual(stdout.toString(), '', stderr)
  return { ...(JSON.parse(stdout.toString()) as Report), code }
}

describe('holdfast doctor', () => {
  test('says line by line what it looked at; its exit code is that of its findings', async () => {
    const directory = await makeTemporaryDirectory('holdfast-doctor-')
    const listen = `127.0.0.1:${await freePort()}`
    try {
      const path = join(directory.path, 'data')
      const { code, stdout } = await doctor('--data', path, '--listen', listen)
      const text = stdout.toString()
      assert.match(text, /^ok node: Node \d/)
      assert.match(text, /ok directory: .* not there yet/)
      assert.match(text, /ok port: .* is free/)
      assert.match(text, /ok device: A durable write of 4 KiB takes/)
      assert.equal(existsSync(path), false)
      const report = await reportOf('--data', path, '--listen', listen)
      // What this host is like is not the test's to say.
      assert.equal(report.code, report.findings > 0 ? 1 : 0)
      assert.equal(code, report.code)
      assert.match(text, report.findings > 0 ? /should be seen to\.\n$/ : /All is well\.\n$/)
    } finally {
      await directory.remove()
    }
  })

  test('a folder that is served is checked beside its broker, and the broker asked', async () => {
    const directory = await makeTemporaryDirectory('holdfast-doctor-')
    const broker = await serve(directory.path)
    try {
      const { checks } = await reportOf(
        '--data',
        directory.path,
        '--broker',
        broker.address,
        '--listen',
        broker.address,
      )
      const what = (check: string) => checks.find((result) => result.check === check)?.what ?? ''
      assert.match(what('directory'), new RegExp(`process ${broker.pid} has it open`))
      assert.match(what('port'), /perhaps by the process that serves/)
      assert.match(what('broker'), /answers: 0 topics/)
      const alone = await reportOf('--broker', broker.address)
      assert.deepEqual([alone.code, alone.checks.length], [0, 1])
    } finally {
      assert.equal(await broker.end('SIGTERM'), 0)
      await directory.remove()
    }
  })

  test('what the figures of a broker advise is told through its HTTP address and through its folder', async () => {
    const directory = await makeTemporaryDirectory('holdfast-doctor-')
    const broker = await serve(directory.path, { args: ['--http', '127.0.0.1:0'] })
    try {
      const http = String(broker.ready['http'])
      const overHttp = await reportOf('--http', http)
      assert.ok(overHttp.checks.length > 0)
      const { checks } = await reportOf('--data', directory.path, '--listen', broker.address)
      // Which advice there is, is this host's to say; either way the broker was asked.
      const isTold = ({ check }: CheckResult) => check === 'advice' || rules.some(({ id }) => check.startsWith(id))
      assert.ok(overHttp.checks.every(isTold), JSON.stringify(overHttp.checks))
      assert.ok(checks.some(isTold), JSON.stringify(checks))
    } finally {
      assert.equal(await broker.end('SIGTERM'), 0)
      await directory.remove()
    }
  })

  test('a folder in memory is a finding, with what to do', { skip: withoutTmpfs() }, async () => {
    const small = await mountSmallDisk('2m')
    try {
      const { code, stdout } = await doctor('--data', small.path, '--listen', '127.0.0.1:0')
      assert.equal(code, 1)
      assert.match(stdout.toString(), /critical disk-in-memory: .*tmpfs.*\n {2}Next: /)
    } finally {
      await small.remove()
    }
  })

  test('what cannot be asked is no verdict: exit code 2', async () => {
    for (const option of ['--broker', '--http']) {
      const { code, stderr } = await doctor(option, `127.0.0.1:${await freePort()}`)
      assert.equal(code, 2)
      assert.match(stderr, /CONNECTION_FAILED/)
    }
  })
})
