/** A block device of our own under a real file system: served by a thread, through FUSE and a loop device, and recorded. */

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import type { DeviceTask } from './device-thread.js'
import type { Image } from './image.js'
import { attachLoop, detachMount, type FileSystemKind, mount, shutDown, unmount } from './linux.js'
import type { RecordEntry } from './record.js'
import { undoneAtExit } from './undoing.js'

export interface RecordedDisk {
  /** Where the file system is mounted. */
  readonly path: string
  /** How many writes and flushes have been recorded until now. */
  position(): number
  /** Unmounts it, and takes all away; the record, with what the unmounting wrote. */
  end(): Promise<readonly RecordEntry[]>
}

export interface RecordedMount {
  readonly image: Image
  readonly kind: FileSystemKind
  readonly options?: string
}

let disks = 0

/** Mounts a file system that lies on `image`, which stays as it is. `directory` holds the mount points. */
export async function mountRecorded(directory: string, { image, kind, options }: RecordedMount): Promise<RecordedDisk> {
  const place = join(directory, `disk-${disks++}`)
  const files = join(place, 'fuse')
  const path = join(place, 'mounted')
  mkdirSync(files, { recursive: true })
  mkdirSync(path)
  const socketPath = join(place, 'socket')
  const count = new Int32Array(new SharedArrayBuffer(4))
  const device = await startDevice({ image: image.fork().parts(), socketPath, count })
  const fuse = spawn('nbdfuse', [join(files, 'disk'), `nbd+unix:///?socket=${socketPath}`], {
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  let isMounted = false
  const forget = undoneAtExit(() => {
    // What is shut down writes nothing when it is unmounted, so that nobody waits for a disk that is gone.
    if (isMounted) shutDown(path)
    detachMount(path)
    detachMount(files)
    fuse.kill('SIGKILL')
  })
  await untilServed(fuse, join(files, 'disk'))
  const loop = attachLoop(join(files, 'disk'))
  try {
    mount(loop.path, path, kind, options)
    isMounted = true
  } finally {
    loop.close()
  }
  return {
    path,
    position: () => Atomics.load(count, 0),
    async end() {
      unmount(path)
      isMounted = false
      const exited = once(fuse, 'exit')
      unmount(files)
      await exited
      forget()
      return device.end()
    },
  }
}

async function startDevice(task: DeviceTask) {
  const program = new URL('./device-thread.ts', import.meta.url).href
  // A thread does not inherit what translates TypeScript.
  const code = `import(${JSON.stringify(import.meta.resolve('tsx/esm/api'))}).then(({ register }) => {
    register()
    return import(${JSON.stringify(program)})
  })`
  const worker = new Worker(code, { eval: true, workerData: task })
  await once(worker, 'message')
  return {
    async end(): Promise<readonly RecordEntry[]> {
      const answer = once(worker, 'message') as Promise<[readonly RecordEntry[]]>
      worker.postMessage('end')
      const [entries] = await answer
      await worker.terminate()
      return entries
    },
  }
}

async function untilServed(fuse: ChildProcess, file: string): Promise<void> {
  const failed = once(fuse, 'exit').then(([code]) => {
    throw new Error(`nbdfuse ended with ${code}`)
  })
  failed.catch(() => {})
  while (!existsSync(file)) await Promise.race([failed, new Promise((resolve) => setTimeout(resolve, 2))])
}
