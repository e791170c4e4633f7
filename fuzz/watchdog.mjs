/** A thread beside the fuzzer: where one input runs too long, it writes that input down and ends the process. */

import { mkdirSync, writeFileSync, writeSync } from 'node:fs'
import { workerData } from 'node:worker_threads'

const { shared, directory, target, limitMs } = workerData
const counts = new Int32Array(shared, 0, 2)
const bytes = new Uint8Array(shared, 8)
let last = 0

setInterval(() => {
  const [input, length] = counts
  if (input === last && input !== 0) {
    mkdirSync(directory, { recursive: true })
    const path = `${directory}/${target}-hangs.bin`
    writeFileSync(path, bytes.slice(0, length))
    writeSync(2, `HANGS: one input runs for over ${limitMs} ms: npm run fuzz -- --target ${target} --input ${path}\n`)
    process.kill(process.pid, 'SIGKILL')
  }
  last = input
}, limitMs)
