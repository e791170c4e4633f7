/**
 * The Bloom filter of an index file, in pages: the high bits of a hash choose the page, so that a look-up touches one and
 * a file that is written in the order of the hashes writes them one after the other. Ten bits and seven probes an entry
 * let about one absent hash in a hundred pass.
 */

import { pagesFor, payloadBytes } from './format.js'

const bitsPerEntry = 10
const probes = 7
const bitsPerPage = payloadBytes * 8

export function filterPagesFor(entries: number): number {
  return Math.max(1, pagesFor(entries * bitsPerEntry, bitsPerPage))
}

export function filterPageOf(hi: number, filterPages: number): number {
  return Math.floor((hi * filterPages) / 2 ** 32)
}

/** Notes a hash in the page that starts at `start`. */
export function addToFilter(bytes: Buffer, start: number, hi: number, lo: number): void {
  const step = stepOf(hi)
  for (let probe = 0, bit = lo; probe < probes; probe++, bit = (bit + step) >>> 0) {
    const within = bitOf(bit)
    bytes[start + (within >>> 3)] |= 1 << (within & 7)
  }
}

/** False where the hash was never noted in the page that starts at `start`. */
export function mayHold(bytes: Buffer, start: number, hi: number, lo: number): boolean {
  const step = stepOf(hi)
  for (let probe = 0, bit = lo; probe < probes; probe++, bit = (bit + step) >>> 0) {
    const within = bitOf(bit)
    if ((bytes[start + (within >>> 3)] & (1 << (within & 7))) === 0) return false
  }
  return true
}

/** One of the bits of a page, from 32 bits; a remainder would cost several times as much. */
function bitOf(bits: number): number {
  return Math.floor((bits * bitsPerPage) / 2 ** 32)
}

function stepOf(hi: number): number {
  return (Math.imul(hi, 0x9e3779b1) >>> 0) | 1
}
