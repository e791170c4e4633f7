/** Each rule of advice fires on a made situation, and stays silent on a healthy broker and on too little evidence. */

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { settingsTable, topicSettingNames } from '../../../src/core/settings.js'
import { adviceAtOnce } from '../../../src/monitoring/advice/advisor.js'
import type { Evidence } from '../../../src/monitoring/advice/rule.js'
import { rules } from '../../../src/monitoring/advice/rules.js'
import {
  gigabyte,
  healthy,
  hourMs,
  ignorant,
  lagFrom,
  minuteMs,
  onFileSystem,
  withDevice,
  withSettings,
  withWindow,
} from './situations.js'

interface Case {
  readonly rule: string
  /** Where it must fire. */
  readonly bad: Evidence
  /** What its evidence must name: the figure and the threshold. */
  readonly says: RegExp
  readonly setting?: string
  readonly subject?: string
  readonly severity?: string
  /** As bad, but known too little. */
  readonly tooLittle: readonly Evidence[]
}

const noProbe = (evidence: Evidence): Evidence => ({ ...evidence, device: undefined })
const shortProbe = (evidence: Evidence): Evidence => ({
  ...evidence,
  device: evidence.device === undefined ? undefined : { ...evidence.device, writes: 3 },
})
const growing = (bytesPerHour: number, spanMs: number): Evidence => ({
  ...healthy,
  diskGrowth: { bytesPerHour, spanMs },
})
const keptForever = (bytesPerHour: number, spanMs: number): Evidence => ({
  ...healthy,
  keptForever: [{ topic: 'archive', sizeInBytes: 50 * gigabyte, growth: { bytesPerHour, spanMs } }],
})
const lagging = (history: ReturnType<typeof lagFrom>): Evidence => ({ ...healthy, lags: [{ group: 'slow', history }] })
const pool = (medianDelayMs: number, samples: number): Evidence => ({
  ...healthy,
  pool: { threads: 4, samples, medianDelayMs },
})
const limits = (openFilesLimit: number | null): Evidence => ({
  ...healthy,
  host: { openFilesLimit, memoryLockLimitBytes: null, fileSystem: null },
})
const lockable = (memoryLockLimitBytes: number | null): Evidence => ({
  ...withSettings({ 'file.warmup': 'lock' }),
  host: { openFilesLimit: 65_536, memoryLockLimitBytes, fileSystem: null },
})
const batchFlush = { 'flush.disk.type': 'BATCH_FLUSH' } as const
const asyncFlush = { 'flush.disk.type': 'ASYNC_FLUSH' } as const
const waitingForRounds: Evidence = {
  ...withSettings(batchFlush),
  window: withWindow({ meanAppendMs: 60, messagesPerFlush: 3 }).window,
}
const noHost: Evidence = { ...healthy, host: undefined }

const troubled = (isDamaged: boolean): Evidence => ({
  ...healthy,
  troubledLogs: [{ name: 'orders-0 and 2 more', why: 'it ends at byte 7.', isDamaged }],
})

const cases: readonly Case[] = [
  {
    rule: 'log-damaged',
    bad: troubled(true),
    says: /^orders-0 and 2 more: it ends at byte 7\.$/,
    subject: 'orders-0 and 2 more',
    severity: 'critical',
    tooLittle: [troubled(false), { ...healthy, troubledLogs: [] }],
  },
  {
    rule: 'log-failed',
    bad: troubled(false),
    says: /^orders-0 and 2 more: it ends at byte 7\.$/,
    subject: 'orders-0 and 2 more',
    severity: 'critical',
    tooLittle: [troubled(true), { ...healthy, troubledLogs: [] }],
  },
  {
    rule: 'queues-behind',
    bad: { ...healthy, checkpointFailure: 'Could not sync a queue: EIO' },
    says: /^Could not sync a queue: EIO\. No message is lost/,
    tooLittle: [healthy],
  },
  {
    rule: 'flush-slow',
    bad: withWindow({ meanFlushMs: 250, flushes: 900 }),
    says: /900 flushes took 250 ms.*100 ms/,
    setting: 'flush.disk.type=BATCH_FLUSH',
    tooLittle: [withWindow({ meanFlushMs: 250, flushes: 19 }), withWindow({ meanFlushMs: undefined, flushes: 0 })],
  },
  {
    rule: 'flush-alone',
    bad: withWindow({ messagesPerFlush: 1.1, flushing: 0.9 }),
    says: /1\.1 messages.*90 %.*1\.5/,
    setting: 'storage.layout=commitlog',
    tooLittle: [
      withWindow({ messagesPerFlush: 1.1, flushing: 0.9, flushes: 99 }),
      withWindow({ messagesPerFlush: 1.1, flushing: 0.2 }),
    ],
  },
  {
    rule: 'policy-slower-than-disk',
    bad: waitingForRounds,
    says: /60 ms.*0\.4 ms.*ten times/,
    setting: 'flush.disk.type=SYNC_FLUSH',
    severity: 'note',
    tooLittle: [
      noProbe(waitingForRounds),
      shortProbe(waitingForRounds),
      { ...waitingForRounds, window: withWindow({ meanAppendMs: 60, messagesPerFlush: 90 }).window },
      { ...waitingForRounds, window: withWindow({ meanAppendMs: 60, messagesPerFlush: 3, flushes: 5 }).window },
    ],
  },
  {
    rule: 'policy-weaker-than-disk',
    bad: withDevice({}, asyncFlush),
    says: /0\.4 ms, less than 1 ms/,
    setting: 'flush.disk.type=SYNC_FLUSH',
    severity: 'note',
    tooLittle: [noProbe(withDevice({}, asyncFlush)), shortProbe(withDevice({}, asyncFlush))],
  },
  {
    rule: 'policy-harder-than-disk',
    bad: withDevice({ dsyncMs: 40, syncMs: 45 }),
    says: /40 ms, more than 20 ms.* 25 a second/,
    setting: 'flush.disk.type=ASYNC_FLUSH',
    tooLittle: [shortProbe(withDevice({ dsyncMs: 40 }))],
  },
  {
    rule: 'disk-lies',
    bad: withDevice({ dsyncMs: 0.012, syncMs: 0.013 }),
    says: /12 µs.*10 µs.*15 µs/,
    tooLittle: [
      shortProbe(withDevice({ dsyncMs: 0.012, syncMs: 0.013 })),
      { ...onFileSystem('tmpfs'), device: withDevice({ dsyncMs: 0.012, syncMs: 0.013 }).device },
    ],
  },
  {
    rule: 'disk-filling',
    bad: { ...healthy, disk: { totalBytes: 1000 * gigabyte, freeBytes: 150 * gigabyte } },
    says: /85 %.*150 GB.*80 %/,
    setting: 'store.retention.bytes=700000000000',
    tooLittle: [{ ...healthy, disk: undefined }],
  },
  {
    rule: 'disk-full-soon',
    bad: growing(50 * gigabyte, hourMs),
    says: /full in 12 hours: 600 GB.*50 GB an hour.*24 hours/,
    setting: 'store.retention.bytes=700000000000',
    tooLittle: [growing(50 * gigabyte, 5 * minuteMs), { ...healthy, diskGrowth: undefined }],
  },
  {
    rule: 'retention-off',
    bad: keptForever(2 * gigabyte, hourMs),
    says: /archive.*50 GB.*4\.8 %.*1 %/,
    setting: 'retention.ms=604800000',
    subject: 'archive',
    tooLittle: [keptForever(2 * gigabyte, 10 * minuteMs)],
  },
  {
    rule: 'batches-tiny',
    bad: withWindow({ messagesIn: 310_000 }),
    says: /1,000 batches.*1\.0 messages.*below 2/,
    setting: 'linger.ms=5',
    severity: 'note',
    tooLittle: [withWindow({ messagesIn: 310_000, seconds: 30 }), withWindow({ messagesIn: 300, batchesIn: 290 })],
  },
  {
    rule: 'group-behind',
    bad: lagging(lagFrom(1000, 100)),
    says: /slow was 1,000 messages behind and is 7,000 now, 10 minutes later: 7\.0 times.*1\.5/,
    subject: 'slow',
    tooLittle: [
      lagging(lagFrom(1000, 100, 8)),
      lagging(lagFrom(1000, 100, 20)),
      lagging(lagFrom(1, 10)),
      lagging(lagFrom(7000, 100).map((point, i) => ({ ...point, lag: i === 60 ? 40_000 : 7000 - i }))),
    ],
  },
  {
    rule: 'pool-starved',
    bad: pool(35, 60),
    says: /35 ms.*4 threads.*10 ms/,
    setting: 'UV_THREADPOOL_SIZE=16',
    tooLittle: [pool(35, 29), { ...pool(35, 60), window: withWindow({ meanEventLoopDelayMs: 30 }).window }],
  },
  {
    rule: 'event-loop-late',
    bad: withWindow({ meanEventLoopDelayMs: 120 }),
    says: /120 ms.*50 ms/,
    tooLittle: [withWindow({ meanEventLoopDelayMs: 120, seconds: 20 })],
  },
  {
    rule: 'descriptors-few',
    bad: limits(1024),
    says: /1,024.*4,096/,
    setting: 'LimitNOFILE=65536',
    tooLittle: [limits(null), noHost],
  },
  {
    rule: 'descriptors-short',
    bad: { ...limits(8192), window: withWindow({ openFiles: 7000 }).window },
    says: /7,000 of 8,192.*85 %.*80 %/,
    setting: 'LimitNOFILE=65536',
    severity: 'critical',
    tooLittle: [{ ...limits(8192), window: withWindow({ openFiles: null }).window }],
  },
  {
    rule: 'memory-lock-refused',
    bad: lockable(65_536),
    says: /1\.1 GB.*66 KB/,
    setting: 'file.warmup=touch',
    severity: 'note',
    tooLittle: [lockable(null)],
  },
  {
    rule: 'disk-in-memory',
    bad: onFileSystem('tmpfs'),
    says: /\/data is tmpfs/,
    severity: 'critical',
    tooLittle: [noHost],
  },
  { rule: 'disk-in-container', bad: onFileSystem('overlay'), says: /\/data is overlay/, tooLittle: [noHost] },
  { rule: 'disk-remote', bad: onFileSystem('nfs4'), says: /\/data is nfs4/, tooLittle: [noHost] },
]

const adviceOn = (evidence: Evidence) => adviceAtOnce(rules, evidence, 0)

for (const { rule, bad, says, setting, subject, severity = 'warning', tooLittle } of cases) {
  describe(rule, () => {
    test('fires on a made situation, with the figure and its threshold', () => {
      const advice = adviceOn(bad).find((candidate) => candidate.rule === rule)
      assert.ok(advice, `${rule} says nothing`)
      assert.match(advice.evidence, says)
      assert.equal(advice.severity, severity)
      assert.equal(advice.subject, subject)
      assert.equal(advice.setting && `${advice.setting.name}=${advice.setting.value}`, setting)
      assert.ok(advice.remedy.length > 20)
    })

    test('is the only one that fires there', () => {
      assert.deepEqual(
        adviceOn(bad).map((advice) => advice.rule),
        [rule],
      )
    })

    test('says nothing on too little evidence', () => {
      for (const evidence of tooLittle) {
        assert.ok(!adviceOn(evidence).some((advice) => advice.rule === rule), JSON.stringify(evidence))
      }
    })
  })
}

test('every rule has a case', () => {
  assert.deepEqual(
    rules.map(({ id }) => id),
    cases.map(({ rule }) => rule),
  )
})

test('a healthy broker gets no advice', () => {
  assert.deepEqual(adviceOn(healthy), [])
})

test('where nothing is known nothing is said', () => {
  assert.deepEqual(adviceOn(ignorant), [])
})

test('advice that goes from bad to worse becomes critical', () => {
  const at = (freeGigabytes: number) =>
    adviceOn({ ...healthy, disk: { totalBytes: 1000 * gigabyte, freeBytes: freeGigabytes * gigabyte } })[0]?.severity
  assert.deepEqual([at(250), at(150), at(40)], [undefined, 'warning', 'critical'])
  assert.equal(adviceOn(growing(300 * gigabyte, hourMs))[0]?.severity, 'critical')
})

/** Of a producer, of the process and of systemd: no settings of ours. */
const elsewhere: ReadonlySet<string> = new Set(['linger.ms', 'UV_THREADPOOL_SIZE', 'LimitNOFILE'])

test('the settings to write exist and take the value', () => {
  for (const { bad } of cases) {
    for (const { setting } of adviceOn(bad)) {
      if (setting === undefined || elsewhere.has(setting.name)) continue
      const name = topicSettingNames.get(setting.name) ?? setting.name
      assert.ok(Object.hasOwn(settingsTable, name), `${setting.name} is no setting`)
      assert.doesNotThrow(() => withSettings({ [name]: setting.value }))
    }
  }
})

test('what is good again lies on the other side of what is too much', () => {
  for (const { id, limit } of rules) {
    const { side, beyond, good } = limit
    assert.ok(side === 'above' ? good <= beyond : good >= beyond, id)
  }
})
