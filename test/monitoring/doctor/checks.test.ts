/** Each check of the doctor finds what is wrong, and says "ok" where nothing is. */

import assert from 'node:assert/strict'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { type AddressInfo, createServer as createTcpServer } from 'node:net'
import { join, resolve } from 'node:path'
import { describe, test } from 'node:test'
import { FaultDisk } from '../../../sim/fault-disk.js'
import { ManualClock } from '../../../sim/manual-clock.js'
import { systemClock } from '../../../src/core/clock.js'
import { resolveSettings } from '../../../src/core/settings.js'
import { nodeDisk } from '../../../src/files/node-disk.js'
import { makeTemporaryDirectory, type TemporaryDirectory } from '../../../src/files/temporary-directory.js'
import { isFreeToListen } from '../../../src/kafka/port-check.js'
import { adviceOverHttp } from '../../../src/monitoring/doctor/broker-checks.js'
import { isFinding } from '../../../src/monitoring/doctor/check.js'
import { checkup } from '../../../src/monitoring/doctor/checkup.js'
import { checkDirectory } from '../../../src/monitoring/doctor/directory-checks.js'
import { checkClock, checkNative, checkNode, leastNode } from '../../../src/monitoring/doctor/program-checks.js'

describe('the program', () => {
  test('a Node that is too old is told, and the least one is that of package.json', () => {
    const engines = JSON.parse(readFileSync(resolve(import.meta.dirname, '../../../package.json'), 'utf8')).engines
    assert.equal(engines.node, `>=${leastNode.join('.')}`)
    const severity = (version: string) => checkNode(version).severity
    assert.deepEqual(['20.19.0', 'v22.1.0', '20.18.3', '18.20.0'].map(severity), ['ok', 'ok', 'critical', 'critical'])
  })

  test('the native parts of this installation work', () => {
    assert.deepEqual(
      checkNative(process.platform).map(({ severity }) => severity),
      ['ok', 'ok', 'ok'],
    )
  })

  test('a part that is missing or answers wrongly is told, the worse where nothing stands in for it', () => {
    const part = { name: 'part', without: 'it is slower', isNeeded: false, works: () => false }
    const missing = () => {
      throw new Error('Cannot find module')
    }
    const results = checkNative('linux', [part, { ...part, isNeeded: true, works: missing }])
    assert.deepEqual(
      results.map(({ severity }) => severity),
      ['warning', 'critical'],
    )
    assert.match(results[0].what, /it is slower/)
  })

  test('a clock that was never set, differs from the file system or went back is told', () => {
    const clock = new ManualClock(1_800_000_000_000)
    const now = clock.now()
    assert.equal(checkClock(clock, now - 500, now - 1000).severity, 'ok')
    assert.match(checkClock(new ManualClock(0)).what, /1970.*long past/)
    assert.match(checkClock(clock, now - 60_000).what, /file system/)
    assert.match(checkClock(clock, now, now + 60_000).what, /written later/)
  })
})

describe('a directory', () => {
  const inDirectory = async (work: (directory: TemporaryDirectory) => Promise<void>) => {
    const directory = await makeTemporaryDirectory('holdfast-doctor-')
    try {
      await work(directory)
    } finally {
      await directory.remove()
    }
  }
  const checkupOf = (dataPath: string, isFree = true) =>
    checkup({
      dataPath,
      settings: resolveSettings(),
      disk: nodeDisk,
      clock: systemClock,
      nodeVersion: process.versions.node,
      platform: process.platform,
      listen: { host: '127.0.0.1', port: 9092 },
      isFree: async () => isFree,
    })

  test('that is not there yet is no finding, and is not made', () =>
    inDirectory(async ({ path }) => {
      const { result } = await checkDirectory(join(path, 'a/b'), nodeDisk)
      assert.equal(result.severity, 'ok')
      assert.match(result.what, /not there yet/)
      assert.deepEqual(readdirSync(path), [])
    }))

  test('that cannot be written is told, and nothing else is tried on it', () =>
    inDirectory(async ({ path }) => {
      const disk = new FaultDisk(nodeDisk, ({ operation }) => (operation === 'replaceFile' ? 'EROFS' : undefined))
      const { result } = await checkDirectory(path, disk)
      assert.equal(result.severity, 'critical')
      assert.match(result.what, /cannot be written/)
    }))

  test('whose identity cannot be read is told', () =>
    inDirectory(async ({ path }) => {
      writeFileSync(join(path, 'holdfast.json'), '{ torn')
      const { result } = await checkDirectory(path, nodeDisk)
      assert.equal(result.severity, 'critical')
      assert.match(result.what, /holdfast\.json/)
    }))

  test('is looked at from all sides, and left as it was', () =>
    inDirectory(async ({ path }) => {
      mkdirSync(join(path, 'data'))
      const results = await checkupOf(join(path, 'data'))
      const checks = results.map(({ check }) => check)
      for (const check of ['node', 'libc (koffi)', 'lz4-napi', 'directory', 'port', 'space', 'device', 'clock']) {
        assert.ok(checks.includes(check), check)
      }
      assert.deepEqual(readdirSync(join(path, 'data')), [])
    }))

  test('a port that is taken is a finding, unless the directory is being served', () =>
    inDirectory(async ({ path }) => {
      const port = async () => (await checkupOf(path, false)).find(({ check }) => check === 'port')
      assert.equal((await port())?.severity, 'warning')
      writeFileSync(join(path, 'lock'), JSON.stringify({ pid: process.pid }))
      assert.equal((await port())?.severity, 'ok')
    }))
})

test('a port is free until somebody listens on it', async () => {
  const server = createTcpServer()
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  const { port } = server.address() as AddressInfo
  assert.equal(await isFreeToListen('127.0.0.1', port), false)
  await new Promise((done) => server.close(done))
  assert.equal(await isFreeToListen('127.0.0.1', port), true)
})

describe('the advice of a broker', () => {
  const answering = async (status: number, body: string) => {
    const server = createServer((request, response) => {
      response.writeHead(request.url === '/api/advice' ? status : 404).end(body)
    })
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
    try {
      return await adviceOverHttp(`127.0.0.1:${(server.address() as AddressInfo).port}/`, async (url) => {
        const answer = await fetch(url)
        return { status: answer.status, text: await answer.text() }
      })
    } finally {
      await new Promise((done) => server.close(done))
    }
  }
  const advice = {
    rule: 'group-behind',
    severity: 'warning',
    title: 'A group falls behind',
    evidence: 'It is 7 behind.',
    remedy: 'Start more.',
    subject: 'readers',
    sinceMs: 0,
  }

  test('becomes findings', async () => {
    const results = await answering(200, JSON.stringify([advice]))
    assert.deepEqual(results, [
      {
        check: 'group-behind readers',
        severity: 'warning',
        what: 'A group falls behind. It is 7 behind.',
        next: 'Start more.',
      },
    ])
    assert.ok(results.every(isFinding))
  })

  test('that has none to give is well', async () => {
    assert.deepEqual((await answering(200, '[]')).map(isFinding), [false])
  })

  test('that does not come, or is another thing, is an error that says why', async () => {
    await assert.rejects(answering(401, ''), { code: 'CONNECTION_FAILED', message: /--token/ })
    await assert.rejects(answering(200, '<html>'), { code: 'CONNECTION_FAILED' })
    await assert.rejects(answering(200, '[{"rule":1}]'), { code: 'CONNECTION_FAILED' })
    await assert.rejects(
      adviceOverHttp('127.0.0.1:1', async () => Promise.reject(new Error('refused'))),
      { code: 'CONNECTION_FAILED', message: /refused.*--http/ },
    )
  })
})
