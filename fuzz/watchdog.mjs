/**
 * A thread beside the fuzzer: where one input takes a second of the processor (five where a broker or a store is behind it), or
 * half a minute of the clock without ending, it writes that input down and ends the process. The processor's time counts, since
 * the machine may be busy with other work, and only that of the thread which runs the input: those that collect garbage and
 * compile beside it may have much to do at any input.
 */

import { mkdirSync, readFileSync, writeFileSync, writeSync } from 'node:fs'
import { workerData } from 'node:worker_threads'

const { shared, directory, longestWaitMs, lookEveryMs } = workerData
const counts = new Int32Array(shared, 0, 3)
const bytes = new Uint8Array(shared, 12)
const decoder = new TextDecoder()
let last = 0
let spentAtFirst = spentMs()
let waitedMs = 0

setInterval(() => {
  const [input, length, limitMs] = counts
  if (input !== last || input === 0) {
    last = input
    spentAtFirst = spentMs()
    waitedMs = 0
    return
  }
  waitedMs += lookEveryMs
  if (spentMs() - spentAtFirst < limitMs && waitedMs < longestWaitMs) return
  const named = bytes.slice(0, length)
  const end = named.indexOf(0)
  const target = decoder.decode(named.subarray(0, end))
  mkdirSync(directory, { recursive: true })
  const path = `${directory}/${target}-hangs.bin`
  writeFileSync(path, named.subarray(end + 1))
  writeSync(2, `HANGS: one input runs for over ${limitMs} ms: npm run fuzz -- --target ${target} --input ${path}\n`)
  process.kill(process.pid, 'SIGKILL')
}, lookEveryMs)

function spentMs() {
  try {
    const text = readFileSync(`/proc/self/task/${process.pid}/stat`, 'latin1')
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
    return (Number(fields[11]) + Number(fields[12])) * 10
  } catch {
    const { user, system } = process.cpuUsage()
    return (user + system) / 1000
  }
}
