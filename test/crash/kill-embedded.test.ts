/** SIGKILL of a program that embeds the library: what it was told is stored, is. */

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { test } from 'node:test'
import type { SettingsInput } from '../../src/core/settings.js'
import { makeTemporaryDirectory } from '../../src/files/temporary-directory.js'
import { type Message, open } from '../../src/index.js'
import { programArguments } from '../support/child-program.js'
import { dice, seedFor } from './seeded.js'

const kills = Number(process.env['HOLDFAST_TEST_KILLS'] ?? 4)
const topic = 't'
const worlds: Record<string, SettingsInput> = {
  segments: { 'log.segment.bytes': 1 << 20 },
  commitlog: {
    'storage.layout': 'commitlog',
    'mapped.file.size.commitlog': 1 << 20,
    'mapped.file.size.consumequeue': 4000,
    'max.hash.slot.num': 1000,
    'max.index.num': 1000,
  },
}

async function writeUntilKilled(
  dataDir: string,
  tag: string,
  settings: SettingsInput,
  afterMs: number,
): Promise<Map<number, string>> {
  const program = join(import.meta.dirname, 'embedded-writer.ts')
  const child = spawn(process.execPath, [...programArguments(program), dataDir, topic, tag, JSON.stringify(settings)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const exited = once(child, 'exit')
  let text = ''
  child.stdout.on('data', (chunk) => {
    text += chunk
  })
  const closed = once(child.stdout, 'close')
  await Promise.race([once(child.stdout, 'data'), exited])
  await new Promise((resolve) => setTimeout(resolve, afterMs))
  child.kill('SIGKILL')
  await Promise.all([exited, closed])
  // The last line may be cut off.
  const lines = text
    .slice(0, text.lastIndexOf('\n') + 1)
    .trim()
    .split('\n')
  return new Map(lines.map((line) => [Number(line.split(' ')[0]), line.split(' ')[1]]))
}

for (const [layout, settings] of Object.entries(worlds)) {
  test(`${kills} kills of a program that embeds the library lose nothing it was told: ${layout}`, {
    timeout: 120_000,
  }, async (t) => {
    const seed = seedFor('HOLDFAST_TEST_SEED')
    t.diagnostic(`seed ${seed}`)
    const chance = dice(seed)
    const directory = await makeTemporaryDirectory('holdfast-embedded-')
    let total = 0
    let offset = 0
    try {
      for (let round = 0; round < kills; round++) {
        const receipts = await writeUntilKilled(directory.path, `r${round}`, settings, chance.between(0, 150))
        await using mq = await open(directory.path, { settings })
        const stored: Message[] = []
        for await (const message of mq.consume(topic, { from: { offset }, follow: false })) stored.push(message)
        assert.deepEqual(
          stored.map((message) => message.offset),
          stored.map((_, i) => offset + i),
        )
        const values = stored.map((message) => message.text())
        assert.equal(new Set(values).size, values.length, 'nothing is stored twice')
        for (const [at, value] of receipts) assert.equal(values[at - offset], value)
        offset += stored.length
        total += receipts.size
      }
      t.diagnostic(`${total} receipts, all found`)
    } finally {
      await directory.remove()
    }
  })
}
