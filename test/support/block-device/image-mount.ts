/** Mounts a file system from the bytes of its disk, unrecorded: what is looked at once and thrown away. */

import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Image } from './image.js'
import { attachLoop, type FileSystemKind, mount, unmount } from './linux.js'

export interface MountedImage {
  readonly path: string
  end(): void
}

let images = 0

/** `image` stays as it is. */
export function mountImage(directory: string, image: Image, kind: FileSystemKind, options?: string): MountedImage {
  const place = join(directory, `image-${images++}`)
  const file = join(place, 'disk')
  const path = join(place, 'mounted')
  mkdirSync(path, { recursive: true })
  image.writeTo(file)
  const loop = attachLoop(file)
  try {
    mount(loop.path, path, kind, options)
  } finally {
    loop.close()
  }
  return {
    path,
    end() {
      unmount(path)
      rmSync(place, { recursive: true })
    },
  }
}
