/**
 * A real file system on a disk that fails on command: nbdkit serves its image, in a process of its own, and fails, pauses or
 * goes on as it is told. What goes wrong goes through the kernel's page cache, as with a disk.
 */

import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { newFileSystem, withoutRecordedDisk } from '../support/block-device/file-systems.js'
import { attachLoop, detachMount, mount, unmount } from '../support/block-device/linux.js'
import { makePowerDirectory, undoneAtExit } from '../support/block-device/undoing.js'

/** For the `skip` option of a test: false, or why it is skipped. */
export function withoutFaultyDisk(): string | false {
  if (spawnSync('nbdkit', ['--version']).status === 0) return withoutRecordedDisk('ext4')
  const line = 'SKIPPED: nbdkit is not installed; .ci/run installs it.'
  console.error(`\n!!! ${line}\n`)
  return line
}

const mountOptions = 'commit=300'

export class FaultyDisk {
  readonly #directory = makePowerDirectory()
  #nbdkit: ChildProcess | undefined
  #forget = () => {}

  static async make(): Promise<FaultyDisk> {
    const disk = new FaultyDisk()
    newFileSystem(disk.#directory.path, 'ext4').writeTo(disk.#at('image'))
    for (const name of ['fuse', 'mounted']) mkdirSync(disk.#at(name))
    await disk.mount()
    return disk
  }

  /** Where the file system is mounted. */
  get path(): string {
    return this.#at('mounted')
  }

  async mount(): Promise<void> {
    const device = join(this.#at('fuse'), 'disk')
    const fails = (call: string) => [
      `error-${call}=EIO`,
      `error-${call}-rate=100%`,
      `error-${call}-file=${this.#at(call)}`,
    ]
    const filters = ['--filter=pause', '--filter=error', 'file', this.#at('image')]
    const faults = [`pause-control=${this.#at('pause')}`, ...fails('pwrite'), ...fails('pread')]
    rmSync(this.#at('pause'), { force: true })
    const nbdkit = spawn('nbdfuse', [device, '--command', 'nbdkit', '-s', ...filters, ...faults], { stdio: 'ignore' })
    this.#nbdkit = nbdkit
    this.#forget = undoneAtExit(() => {
      detachMount(this.path)
      detachMount(this.#at('fuse'))
      nbdkit.kill('SIGKILL')
    })
    while (!existsSync(device)) {
      if (nbdkit.exitCode !== null) throw new Error(`nbdfuse ended with ${nbdkit.exitCode}`)
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
    const loop = attachLoop(device)
    try {
      mount(loop.path, this.path, 'ext4', mountOptions)
    } finally {
      loop.close()
    }
  }

  /** Nothing of it stays in memory. */
  async unmount(): Promise<void> {
    unmount(this.path)
    const exited = once(this.#nbdkit as ChildProcess, 'exit')
    unmount(this.#at('fuse'))
    await exited
    this.#forget()
    this.#nbdkit = undefined
  }

  /** From now on all of them fail, or none. */
  fail(call: 'pwrite' | 'pread', failing: boolean): void {
    if (failing) writeFileSync(this.#at(call), '')
    else rmSync(this.#at(call), { force: true })
  }

  /** From now on it answers nothing. */
  pause(): Promise<void> {
    return this.#command('p')
  }

  resume(): Promise<void> {
    return this.#command('r')
  }

  async end(): Promise<void> {
    this.fail('pwrite', false)
    this.fail('pread', false)
    if (this.#nbdkit !== undefined) {
      await this.resume()
      await this.unmount()
    }
    this.#directory.remove()
  }

  async #command(letter: 'p' | 'r'): Promise<void> {
    const socket = connect(this.#at('pause'))
    socket.write(letter)
    await once(socket, 'data')
    socket.destroy()
  }

  #at(name: string): string {
    return join(this.#directory.path, name)
  }
}
