/** What the benchmarks read from other programs and from sockets. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { segmentBytesFor } from '../../bench/cases/durable.js'
import { FrameSplitter } from '../../bench/frame-splitter.js'
import { countFlushes } from '../../bench/harness/strace.js'
import { parsePerformance } from '../../bench/producer-performance.js'

test('frames are found however the stream is cut', () => {
  fc.assert(
    fc.property(
      fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 10 }),
      fc.infiniteStream(fc.integer({ min: 1, max: 9 })),
      (payloads, cuts) => {
        const stream = Buffer.concat(
          payloads.flatMap((payload) => {
            const length = Buffer.alloc(4)
            length.writeInt32BE(payload.length)
            return [length, payload]
          }),
        )
        const found: Buffer[] = []
        let pieces: Buffer[] = []
        const splitter = new FrameSplitter({
          piece: (bytes) => pieces.push(bytes),
          end(bytes) {
            const payload = Buffer.concat(pieces)
            assert.equal(payload.length, bytes)
            found.push(payload)
            pieces = []
          },
        })
        for (let at = 0; at < stream.length; ) {
          const cut = cuts.next().value ?? 1
          splitter.push(stream.subarray(at, at + cut))
          at += cut
        }
        assert.deepEqual(
          found,
          payloads.map((payload) => Buffer.from(payload)),
        )
      },
    ),
  )
})

test('flushes are counted: syncs, and writes to what was opened with O_DSYNC, below the directory alone', () => {
  const trace = `
11 openat(AT_FDCWD, "/d/a.log", O_RDWR|O_CREAT|O_DSYNC|O_CLOEXEC, 0666) = 20</d/a.log>
11 openat(AT_FDCWD, "/d/b.log", O_RDWR|O_CREAT|O_CLOEXEC, 0666 <unfinished ...>
12 pwritev(20</d/a.log>, [{iov_base=""..., iov_len=100}], 1, 0 <unfinished ...>
11 <... openat resumed>) = 21</d/b.log>
12 <... pwritev resumed>) = 100
12 pwrite64(20</d/a.log>, ""..., 10, 100) = 10
12 write(21</d/b.log>, ""..., 10) = 10
13 fdatasync(21</d/b.log>) = 0
13 fsync(22</d>) = 0
13 fsync(23</elsewhere>) = 0
14 msync(0x7f0000000000, 4096, MS_SYNC) = 0`
  assert.deepEqual(countFlushes(trace, '/d'), { syncWrites: 2, fdatasync: 1, fsync: 1, msync: 1 })
})

const summary =
  '50000 records sent, 12345.6 records/sec (12.06 MB/sec), 512.34 ms avg latency, 1000.00 ms max latency, 480 ms 50th, 900 ms 95th, 950 ms 99th, 990 ms 99.9th.'

test("the Java client's summary is read", () => {
  const stdout = `10000 records sent, 2000.0 records/sec (1.95 MB/sec), 1.0 ms avg latency, 2.0 ms max latency.\n${summary}\n`
  assert.deepEqual(parsePerformance(stdout, 50_000), { recordsPerSecond: 12345.6, p50Ms: 480, p99Ms: 950, p999Ms: 990 })
})

test('a run of the Java client in which records were lost or refused is no result', () => {
  assert.throws(() => parsePerformance(summary, 60_000), /kafka-producer-perf-test says/)
  assert.throws(() => parsePerformance('Exception in thread "main"', 1), /kafka-producer-perf-test says/)
  const refused = `org.apache.kafka.common.errors.TimeoutException: Expiring 3 record(s)\n${summary}`
  assert.throws(() => parsePerformance(refused, 50_000), /records refused: org\.apache/)
})

test('a segment that is filled before a block holds what the block writes, and is a valid length', () => {
  for (const sizeBytes of [100, 1024]) {
    for (const callers of [1, 100, 1000]) {
      const bytes = segmentBytesFor({ sizeBytes, callers }, 1500)
      assert.ok(bytes >= 16 << 20 && bytes <= 1 << 30)
      assert.equal(Math.log2(bytes) % 1, 0)
    }
  }
})
