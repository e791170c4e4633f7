/** What fuzzing found: each input by itself, at the decoder that took it wrongly. */

import assert from 'node:assert/strict'
import { it } from 'node:test'
import { parseSettingsFile } from '../../src/core/settings-file.js'
import { decodeManifest } from '../../src/storage/backup/manifest.js'

const manifest = { version: 1, clusterId: 'c', takenAtMs: 1, logs: [], files: [] }

for (const commitLog of [null, { endPosition: 0, queues: [null] }]) {
  it(`a manifest with the commit log ${JSON.stringify(commitLog)} is refused as damaged`, () => {
    const bytes = Buffer.from(JSON.stringify({ ...manifest, commitLog }))
    assert.throws(() => decodeManifest(bytes, 'backup.json'), { code: 'DATA_DIR_DAMAGED' })
  })
}

it('a settings file with a long row of backslashes is read in one pass', { timeout: 20_000 }, () => {
  const name = '\\'.repeat(400_000)
  assert.deepEqual(parseSettingsFile('a.properties', Buffer.from(`${name}a=1`)), [
    { name: `${'\\'.repeat(200_000)}a`, value: '1', line: 1 },
  ])
})
