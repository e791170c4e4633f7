/** Waits until a log has its segments filled in front of it, so that filling falls outside of what is measured. */

import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'

const pollMs = 20

/** One write of zeros takes a flush, and there are a thousand in a segment; a busy disk takes its time. */
const timeoutMs = 120_000
/** A log whose active segment is nearly full prepares no more until it has rolled. */
const nudgeEveryMs = 500

/**
 * Resolves with how long it took until the active segment and the next one, which lies beside it as `*.log.deleted`,
 * have their full length. `nudge` appends a few megabytes; it is called first, and now and then.
 */
export async function untilPrepared(
  partition: string,
  segmentBytes: number,
  nudge: () => Promise<unknown>,
): Promise<number> {
  const start = performance.now()
  for (let nudgeAt = start; performance.now() - start < timeoutMs; ) {
    if (performance.now() >= nudgeAt) {
      await nudge()
      nudgeAt = performance.now() + nudgeEveryMs
    }
    if (await isPrepared(partition, segmentBytes)) return performance.now() - start
    await new Promise((resolve) => setTimeout(resolve, pollMs))
  }
  throw new Error(`its segments were not filled within ${timeoutMs / 1000} s`)
}

async function isPrepared(partition: string, segmentBytes: number): Promise<boolean> {
  const names = (await readdir(partition).catch(() => [])).sort()
  const active = names.filter((name) => name.endsWith('.log')).at(-1)
  const next = names.filter((name) => name.endsWith('.deleted')).at(-1)
  if (active === undefined || next === undefined) return false
  const lengths = await Promise.all(
    [active, next].map((name) =>
      stat(join(partition, name)).then(
        ({ size }) => size,
        () => 0,
      ),
    ),
  )
  return lengths.every((length) => length >= segmentBytes)
}
