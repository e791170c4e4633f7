/** The floor of reading: `fs.read` of 1 MiB after 1 MiB into one buffer, from a file that lies in the page cache. */

import { randomFillSync } from 'node:crypto'
import { type FileHandle, open } from 'node:fs/promises'
import { join } from 'node:path'
import type { Contender, Options } from '../harness/contender.js'

const pieceBytes = 1 << 20

export async function start(given: Options): Promise<Contender> {
  const { directory, totalBytes } = given as { directory: string; totalBytes: number }
  const piece = randomFillSync(Buffer.alloc(pieceBytes))
  const file = await writeFile(join(directory, 'raw'), piece, totalBytes)
  let position = 0
  return {
    async block(ms) {
      const start = performance.now()
      let bytes = 0
      while (performance.now() - start < ms) {
        const { bytesRead } = await file.read(piece, 0, pieceBytes, position)
        position = bytesRead === 0 ? 0 : position + bytesRead
        bytes += bytesRead
      }
      return { value: bytes / 1e3 / (performance.now() - start), detail: {} }
    },
    close: () => file.close(),
  }
}

async function writeFile(path: string, piece: Buffer, totalBytes: number): Promise<FileHandle> {
  const file = await open(path, 'w+')
  for (let position = 0; position < totalBytes; position += piece.length) {
    await file.write(piece, 0, piece.length, position)
  }
  await file.datasync()
  return file
}
