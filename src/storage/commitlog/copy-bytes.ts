/** Copies parts of buffers. */

/** Up to here a loop is faster than the call into native code (measured). */
const loopBytes = 40

/** Copies source[start, end) to `position`. The caller has made room. */
export function copyBytes(target: Buffer, position: number, source: Buffer, start: number, end: number): void {
  if (end - start > loopBytes) source.copy(target, position, start, end)
  else for (let i = start, to = position; i < end; i++, to++) target[to] = source[i]
}
