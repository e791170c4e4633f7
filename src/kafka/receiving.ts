/**
 * Reads an accepted socket into memory that is chosen here: the rest of a large frame straight to its place, in as few
 * reads as the kernel has bytes for, and everything else into one buffer that all connections share.
 *
 * Node reads into buffers of the program's choice (`onread`), but offers it for sockets that connect only, not for those
 * that a server accepts. So the handle of an accepted socket moves into a new one. That is no documented interface: where
 * the handle is not what it is expected to be, the socket is read in Node's own chunks, with the same outcome and more work.
 */

import { type OnReadOpts, Socket, type SocketConstructorOpts } from 'node:net'
import type { FrameReader } from './frames.js'

/** One read of any connection; used up before the next one. Larger gains nothing, and may all have to be read ahead. */
const shared = Buffer.allocUnsafeSlow(128 * 1024)

/**
 * Feeds what comes to `frames`, and calls `hear` each time. Gives the socket to go on with, which may be another one; it
 * is not read before `resume`. `accepted` must come from a server that makes them paused (`pauseOnConnect`) and half-open.
 */
export function receiveInto(accepted: Socket, frames: FrameReader, hear: () => void): Socket {
  const handle = takeHandle(accepted)
  if (handle === undefined) {
    accepted.on('data', (chunk: Buffer) => {
      frames.push(chunk)
      hear()
    })
    return accepted
  }
  const options = { handle, allowHalfOpen: true, manualStart: true, onread: readingInto(frames, hear) }
  return new Socket(options as SocketConstructorOpts)
}

function readingInto(frames: FrameReader, hear: () => void): OnReadOpts {
  let room: Buffer | undefined
  return {
    // Asked before the first read and after each one; what it says holds for the next.
    buffer: () => {
      room = frames.room
      return room ?? shared
    },
    callback: (bytes) => {
      if (room === undefined) frames.push(shared.subarray(0, bytes), { lent: true })
      else frames.filled(bytes)
      hear()
      frames.detach()
      return true
    },
  }
}

/** The socket's handle, which it has no longer then; undefined where it has none of the kind that is known here. */
function takeHandle(socket: Socket): object | undefined {
  const holder = socket as { _handle?: { useUserBuffer?: unknown } | null }
  const handle = holder._handle
  if (typeof handle?.useUserBuffer !== 'function') return undefined
  holder._handle = null
  // A socket without a handle closes nothing; it only leaves the books of its server.
  socket.destroy()
  return handle
}
