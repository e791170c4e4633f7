/** A decoder with a bug that is there on purpose, behind four bytes; a file of its own when it runs, so that V8 counts it by itself. */

/** @param {Uint8Array} bytes */
export function planted(bytes) {
  if (bytes[0] === 0x51) {
    if (bytes[1] === 0xa7) {
      if (bytes[2] === 0x3c) {
        if (bytes[3] === 0xe9) throw new TypeError('planted')
      }
    }
  }
}
