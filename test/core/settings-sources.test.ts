/** Where settings come from: each source, their order, and that no typo in any of them is passed over. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type GivenSetting, layerSettings, originOf, originText, type SettingName } from '../../src/core/settings.js'
import { profiles } from '../../src/core/settings-profiles.js'
import type { SettingRow } from '../../src/core/settings-rows.js'
import { gatherSettings, variableOf } from '../../src/core/settings-sources.js'
import { settingRows, settingsTable } from '../../src/core/settings-table.js'

interface Sources {
  readonly environment?: Readonly<Record<string, string>>
  readonly config?: string
  readonly files?: Readonly<Record<string, string>>
  readonly flags?: Readonly<Record<string, string>>
}

function gather({ environment = {}, config, files = {}, flags = {} }: Sources) {
  const given: GivenSetting[] = Object.entries(flags).map(([name, value]) => ({
    name,
    value,
    origin: { kind: 'flag', where: '--set' },
  }))
  const readFile = async (path: string) => (path in files ? Buffer.from(files[path]) : undefined)
  return gatherSettings({ environment, config, given, readFile })
}

test('each source alone, and its name as the origin', async () => {
  const sources: Record<string, Sources> = {
    'file a.properties:2': { config: 'a.properties', files: { 'a.properties': '# first\nnum.partitions=7' } },
    'file a.json:1': { config: 'a.json', files: { 'a.json': '{"num.partitions": 7}' } },
    'file b.json:1': { environment: { HOLDFAST_CONFIG: 'b.json' }, files: { 'b.json': '{"num.partitions":"7"}' } },
    'environment HOLDFAST_NUM_PARTITIONS': { environment: { HOLDFAST_NUM_PARTITIONS: '7' } },
    'flag --set': { flags: { 'num.partitions': '7' } },
  }
  for (const [origin, given] of Object.entries(sources)) {
    const settings = await gather(given)
    assert.equal(settings['num.partitions'], 7)
    assert.equal(originText(originOf(settings, 'num.partitions')), origin)
    assert.equal(originText(originOf(settings, 'max.connections')), 'default')
  }
})

test('a file that is named outright is read instead of the one that the environment names', async () => {
  const files = { 'a.json': '{"num.partitions": 1}', 'b.json': '{"num.partitions": 2}' }
  const settings = await gather({ config: 'b.json', environment: { HOLDFAST_CONFIG: 'a.json' }, files })
  assert.equal(settings['num.partitions'], 2)
})

/** Values that are right by themselves and clash with none of the others. */
function valueFor(row: SettingRow): fc.Arbitrary<string> {
  switch (row.type) {
    case 'int':
      return fc.integer({ min: row.min, max: row.max }).map(String)
    case 'fraction':
      return fc.integer({ min: row.min * 100, max: row.max * 100 }).map((hundredths) => String(hundredths / 100))
    case 'boolean':
      return fc.constantFrom('true', 'false')
    case 'enum':
      return fc.constantFrom(...row.values)
    case 'list':
      return fc.shuffledSubarray([...row.values], { minLength: 1 }).map((words) => words.join(','))
    case 'text':
      return row.form === undefined ? fc.stringMatching(/^[a-z-]{1,8}$/) : fc.constant(row.default)
    case 'path':
      return fc.stringMatching(/^[a-z/]{0,8}$/)
  }
}

const clashing: readonly string[] = ['flush.commitlog.timeout', 'flush.interval.ms', 'group.min.session.timeout.ms']
const free = settingRows.filter(([name]) => !clashing.includes(name) && name !== 'group.max.session.timeout.ms')

/** Some settings, as one source gives them. */
const layer: fc.Arbitrary<Record<string, string>> = fc
  .subarray(free as [SettingName, SettingRow][], { maxLength: 12 })
  .chain((rows) => fc.record(Object.fromEntries(rows.map(([name, row]) => [name, valueFor(row)]))))

test('flags over environment over file over profile over defaults, for any part of the settings in any of them', async () => {
  await fc.assert(
    fc.asyncProperty(layer, layer, layer, fc.boolean(), async (inFile, inEnvironment, inFlags, isJson) => {
      const config = isJson ? 'x.json' : 'x.properties'
      const lines = Object.entries(inFile).map(([name, value]) => `${name}=${value}`)
      const settings = await gather({
        config,
        files: { [config]: isJson ? JSON.stringify(inFile) : lines.join('\n') },
        environment: Object.fromEntries(Object.entries(inEnvironment).map(([k, value]) => [variableOf(k), value])),
        flags: inFlags,
      })
      // The order, said once more and in another way than the program says it.
      const named = { ...inFile, ...inEnvironment, ...inFlags }
      const profile = named['profile'] as keyof typeof profiles | undefined
      const ofProfile = profile === undefined ? {} : profiles[profile].values
      for (const [name, row] of settingRows) {
        const expected = named[name] ?? ofProfile[name] ?? row.default
        assert.equal(String(settings[name]), String(expected), name)
        const kind =
          name in inFlags
            ? 'flag'
            : name in inEnvironment
              ? 'environment'
              : name in inFile
                ? 'file'
                : name in ofProfile
                  ? 'profile'
                  : 'default'
        assert.equal(originOf(settings, name).kind, kind, name)
      }
    }),
    { numRuns: 200 },
  )
})

test('the profile may be named in any source, and the highest one that names it counts', async () => {
  const files = { 'a.properties': 'profile=fast\nflush.commitlog.interval=5' }
  const fast = await gather({ config: 'a.properties', files })
  assert.deepEqual([fast['flush.disk.type'], fast['flush.commitlog.interval']], ['ASYNC_FLUSH', 5])
  const environment = { HOLDFAST_PROFILE: 'hybrid' }
  const hybrid = await gather({ config: 'a.properties', files, environment })
  assert.equal(hybrid['flush.disk.type'], 'BATCH_FLUSH')
  // Nothing of the profile that lost is left.
  assert.equal(hybrid['file.preallocate'], settingsTable['file.preallocate'].default)
  const reliable = await gather({ config: 'a.properties', files, environment, flags: { profile: 'reliable' } })
  assert.equal(reliable['flush.disk.type'], 'SYNC_FLUSH')
  assert.equal(reliable['flush.commitlog.interval'], 5)
})

test('an unknown name is refused in every source, with where it stands and what was probably meant', async () => {
  const cases: [Sources, ...string[]][] = [
    [
      { config: 'a.properties', files: { 'a.properties': 'num.partitions=1\n\nflush.disc.type=SYNC_FLUSH' } },
      'flush.disc.type (file a.properties:3)',
      'Did you mean flush.disk.type?',
    ],
    [
      { config: 'a.json', files: { 'a.json': '{\n"log.segment.byte": 1}' } },
      'log.segment.byte (file a.json:2)',
      'Did you mean log.segment.bytes?',
    ],
    [
      { environment: { HOLDFAST_FLUSH_DSK_TYPE: 'SYNC_FLUSH' } },
      'environment variable HOLDFAST_FLUSH_DSK_TYPE',
      'Did you mean HOLDFAST_FLUSH_DISK_TYPE?',
    ],
    [{ environment: { HOLDFAST_CONFG: 'a.json' } }, 'Did you mean HOLDFAST_CONFIG?'],
    [{ environment: { HOLDFAST_: '' } }, 'environment variable HOLDFAST_.'],
    [{ environment: { HOLDFAST_num_partitions: '1' } }, 'Did you mean HOLDFAST_NUM_PARTITIONS?'],
    [{ flags: { 'num.partition': '1' } }, 'num.partition (flag --set)', 'Did you mean num.partitions?'],
  ]
  for (const [sources, ...words] of cases) {
    await assert.rejects(gather(sources), (error: Error & { code?: string }) => {
      assert.equal(error.code, 'INVALID_SETTING')
      for (const word of words) assert.ok(error.message.includes(word), `"${error.message}" lacks "${word}"`)
      return true
    })
  }
})

test('a value out of range is refused with where it stands, also where a higher source covers it', async () => {
  const flags = { 'num.partitions': '3' }
  const cases: [Sources, RegExp][] = [
    [
      { config: 'a.properties', files: { 'a.properties': '\nnum.partitions = 0' }, flags },
      /^num\.partitions = 0 \(file a\.properties:2\) is refused: .* 1 to 10000/,
    ],
    [{ config: 'a.json', files: { 'a.json': '{"num.partitions":1.5}' }, flags }, /= 1\.5 \(file a\.json:1\)/],
    [{ environment: { HOLDFAST_NUM_PARTITIONS: '' }, flags }, /= "" \(environment HOLDFAST_NUM_PARTITIONS\)/],
    [{ flags: { 'num.partitions': '10001' } }, /= 10001 \(flag --set\)/],
    [{ environment: { HOLDFAST_PROFILE: 'quick' } }, /profile = quick \(environment .*reliable, fast, hybrid/],
  ]
  for (const [sources, message] of cases) await assert.rejects(gather(sources), { code: 'INVALID_SETTING', message })
})

test('a file that is not there is refused, and who named it is told', async () => {
  await assert.rejects(gather({ config: 'a.json' }), { code: 'INVALID_SETTING', message: /"a\.json" is not there/ })
  for (const name of ['a.json', '']) {
    const environment = { HOLDFAST_CONFIG: name }
    await assert.rejects(gather({ environment }), { code: 'INVALID_SETTING', message: /HOLDFAST_CONFIG names, is not/ })
  }
})

test('variables that are no settings are left alone: those of other programs, of tests, of containers', async () => {
  const environment = {
    PATH: '/bin',
    HOLDFASTER: '1',
    HOLDFAST_NO_LIBC: '1',
    HOLDFAST_TEST_ANYTHING: '1',
    // Beside a Kubernetes service that is called holdfast.
    HOLDFAST_SERVICE_HOST: '10.0.0.1',
    HOLDFAST_SERVICE_PORT: '9092',
    HOLDFAST_SERVICE_PORT_KAFKA: '9092',
    HOLDFAST_PORT: 'tcp://10.0.0.1:9092',
    HOLDFAST_PORT_9092_TCP: 'tcp://10.0.0.1:9092',
    HOLDFAST_PORT_9092_TCP_PROTO: 'tcp',
    HOLDFAST_PORT_9092_TCP_PORT: '9092',
    HOLDFAST_PORT_9092_TCP_ADDR: '10.0.0.1',
    HOLDFAST_HEADLESS_SERVICE_HOST: '10.0.0.1',
  }
  assert.deepEqual(await gather({ environment }), layerSettings([]))
})

test('no two settings share a variable, and none is taken for something else', async () => {
  const environment: Record<string, string> = {}
  for (const [name, row] of settingRows) environment[variableOf(name)] = String(row.default)
  assert.equal(Object.keys(environment).length, settingRows.length)
  const settings = await gather({ environment })
  for (const [name] of settingRows) {
    assert.equal(originText(originOf(settings, name)), `environment ${variableOf(name)}`)
  }
})
