/** A real text file through a real client: in with `kcat -P`, out with `kcat -C`, equal byte for byte, with every codec. */

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, before, test } from 'node:test'
import { startBroker, type TestBroker } from '../../src/testing/index.js'
import { runProgram, withoutKcat, withoutWordList, wordList } from '../support/tools.js'

const skip = withoutKcat() || withoutWordList()

let broker: TestBroker

before(async () => {
  broker = await startBroker()
})

after(() => broker.close())

for (const codec of ['none', 'snappy', 'lz4', 'gzip', 'zstd']) {
  test(`a word list goes through kcat and back, codec ${codec}`, { skip }, async (t) => {
    const words = readFileSync(wordList)
    const lines = words.toString('latin1').split('\n').length - 1
    assert.ok(lines >= 100_000, `${wordList} has ${lines} lines`)
    const topic = `words-${codec}`
    const args = ['-b', broker.address, '-t', topic, '-X', 'check.crcs=true']
    const sent = await runProgram('kcat', ['-P', ...args, '-p', '0', '-z', codec, '-X', 'acks=all', '-l', wordList])
    assert.equal(sent.code, 0, sent.stderr)
    const read = await runProgram('kcat', ['-C', ...args, '-o', 'beginning', '-e', '-q'])
    assert.equal(read.code, 0, read.stderr)
    assert.ok(read.stdout.equals(words), 'what comes out equals what went in')
    const [topicNow] = await broker.service.describeTopics([topic])
    assert.equal(topicNow.partitions[0].highWatermark, lines)
    t.diagnostic(`${lines} lines, ${words.length} bytes in, ${topicNow.partitions[0].sizeInBytes} bytes stored`)
  })
}
