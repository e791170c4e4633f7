import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { closeSync, readlinkSync } from 'node:fs'
import { readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { diskError } from '../../src/files/disk-error.js'
import { nodeDisk } from '../../src/files/node-disk.js'
import { descriptorsUnder, temporaryDirectory } from '../storage/support.js'

/** What a descriptor of this process belongs to. */
function linkOf(number: string): string | undefined {
  try {
    return readlinkSync(`/proc/self/fd/${number}`)
  } catch {
    return undefined
  }
}

describe('the disk as Node reaches it', () => {
  test('writes many buffers at a position, and reads what is there', async (t) => {
    const path = join(await temporaryDirectory(t), 'file')
    for (const dsync of [false, true]) {
      const file = await nodeDisk.open(path, { mode: 'create', dsync })
      // More than IOV_MAX buffers, some of them empty.
      const buffers = Array.from({ length: 3000 }, (_, index) => Buffer.from(index % 7 === 0 ? '' : `${index},`))
      const all = Buffer.concat(buffers)
      await file.write(buffers, 10)
      await file.write([], 5)
      await file.write([Buffer.alloc(0)], 5)
      await file.sync()
      assert.equal(await file.size(), 10 + all.length)
      const found = Buffer.alloc(all.length + 50)
      assert.equal(await file.read(found, 10), all.length)
      assert.deepEqual(found.subarray(0, all.length), all)
      assert.equal(await file.read(found, 10 + all.length), 0)
      await file.truncate(10)
      assert.equal(await file.size(), 10)
      await file.close()
    }
  })

  test('says of a lock that cannot be closed what it says of files, and the lock is gone', async (t) => {
    const path = join(await temporaryDirectory(t), 'lock')
    const lock = await nodeDisk.lock(path)
    const numbers = await readdir('/proc/self/fd').catch(() => [])
    const held = numbers.find((number) => linkOf(number) === path)
    if (held === undefined) return t.skip('the system does not say which descriptor is whose')
    closeSync(Number(held))
    await assert.rejects(lock.release(), { code: 'DISK_FAILED', message: /close the lock/ })
    await (await nodeDisk.lock(path)).release()
  })

  test('a file is closed once: the number may belong to another one by the second time', async (t) => {
    const directory = await temporaryDirectory(t)
    const first = await nodeDisk.open(join(directory, 'first'), { mode: 'create' })
    await first.close()
    const second = await nodeDisk.open(join(directory, 'second'), { mode: 'create' })
    await first.close()
    await second.write([Buffer.from('still open')], 0)
    await second.close()
  })

  test('prepares the file that is open, whatever became of its name, and keeps no descriptor for it', async (t) => {
    const directory = await temporaryDirectory(t)
    const path = join(directory, 'file')
    const file = await nodeDisk.open(path, { mode: 'create' })
    await nodeDisk.rename(path, `${path}.renamed`)
    await writeFile(path, 'another file')
    const preparing = file.prepare(0, 5_000_000, 'zero')
    const again = file.prepare(6_000_000, 7_000_000, 'zero')
    await Promise.all([preparing, again])
    assert.equal(await file.size(), 7_000_000)
    assert.equal(await readFile(path, 'utf8'), 'another file')
    assert.equal(((await descriptorsUnder(directory)) ?? [1]).length, 1)
    await file.close()
  })

  test('closes a file when what runs beside its owner has ended, and ends it soon', async (t) => {
    const directory = await temporaryDirectory(t)
    const file = await nodeDisk.open(join(directory, 'file'), { mode: 'create' })
    await file.prepare(0, 3_000_000, 'zero')
    const ended: string[] = []
    const filling = assert
      .rejects(file.prepare(0, 500_000_000, 'zero'), { code: 'CLOSED' })
      .then(() => ended.push('filling'))
    const warming = file.warm(0, 500_000_000, 'touch').then(() => ended.push('warming'))
    await file.close()
    // Later than this the descriptor's number may be another file's.
    assert.deepEqual(ended.sort(), ['filling', 'warming'])
    await Promise.all([filling, warming])
    assert.ok((await stat(join(directory, 'file'))).size < 100_000_000)
    await assert.rejects(file.prepare(0, 10, 'zero'), { code: 'CLOSED' })
    await assert.rejects(file.prepare(0, 10, 'fallocate'), { code: 'CLOSED' })
  })

  test('replaces a file as a whole, and leaves nothing aside', async (t) => {
    const directory = await temporaryDirectory(t)
    const path = join(directory, 'file')
    await writeFile(`${path}.tmp`, 'a longer leftover of a crash')
    await nodeDisk.replaceFile(path, Buffer.from('one'))
    await nodeDisk.replaceFile(path, Buffer.from('two'))
    assert.equal(await readFile(path, 'utf8'), 'two')
    assert.deepEqual(await readdir(directory), ['file'])
    assert.equal(await nodeDisk.readFile(join(directory, 'none')), undefined)
    assert.equal(await nodeDisk.list(join(directory, 'none')), undefined)
    await nodeDisk.remove(join(directory, 'none'))
  })

  test('a second name is another way to the same file, and a stat tells of it', async (t) => {
    const directory = await temporaryDirectory(t)
    const [first, second] = [join(directory, 'first'), join(directory, 'second')]
    await writeFile(first, 'one')
    const alone = await nodeDisk.stat(first)
    assert.deepEqual([alone?.sizeInBytes, alone?.names], [3, 1])
    assert.equal(await nodeDisk.link(first, second), true)
    const [one, two] = [await nodeDisk.stat(first), await nodeDisk.stat(second)]
    assert.deepEqual(one, two)
    assert.deepEqual([one?.names, one?.version], [2, alone?.version])
    await writeFile(second, 'other')
    assert.notEqual((await nodeDisk.stat(first))?.version, alone?.version)
    assert.equal(await nodeDisk.stat(join(directory, 'none')), undefined)
    await assert.rejects(nodeDisk.link(join(directory, 'none'), join(directory, 'third')), { code: 'DISK_FAILED' })
    // No process file system takes names from another one.
    assert.equal(await nodeDisk.link(first, '/proc/self/fd/holdfast').catch(() => false), false)
  })

  test('makes directories by any spelling of their path', async (t) => {
    const directory = await temporaryDirectory(t)
    const spelled = relative(process.cwd(), directory)
    const paths = ['a/b/', './c//d', 'e/../f/./g/', 'h']
    for (const path of paths) {
      await nodeDisk.makeDirectory(`${spelled}/${path}`)
      await nodeDisk.makeDirectory(`${spelled}/${path}`)
      assert.deepEqual(await nodeDisk.list(join(directory, path)), [])
    }
  })

  test('a directory that the file system never makes is refused, and not tried without end', {
    skip: process.platform !== 'linux' && 'only Linux has /proc',
  }, async () => {
    await assert.rejects(nodeDisk.makeDirectory('/proc/none/store'), { code: 'DISK_FAILED' })
  })

  test('errors name the operation and the path', async (t) => {
    const directory = await temporaryDirectory(t)
    const none = join(directory, 'none', 'file')
    await assert.rejects(nodeDisk.open(none, { mode: 'create' }), (error: Error & { code?: string }) => {
      assert.equal(error.code, 'DISK_FAILED')
      assert.ok(error.message.includes('open') && error.message.includes(none))
      return true
    })
    await assert.rejects(nodeDisk.rename(none, join(directory, 'x')), { code: 'DISK_FAILED' })
    await assert.rejects(nodeDisk.syncDirectory(none), { code: 'DISK_FAILED' })
    const codeOf = (code: string) => diskError(Object.assign(new Error(code), { code }), 'write', 'p').code
    assert.deepEqual(['ENOSPC', 'EDQUOT', 'EFBIG', 'EROFS', 'EACCES', 'EPERM', 'EIO', 'EMFILE'].map(codeOf), [
      'DISK_FULL',
      'DISK_FULL',
      'DISK_FULL',
      'DATA_DIR_READ_ONLY',
      'DATA_DIR_READ_ONLY',
      'DATA_DIR_READ_ONLY',
      'DISK_FAILED',
      'DISK_FAILED',
    ])
  })
})

/** Runs a program in a process of its own that takes a lock; `output` is what it says about it. */
function locker(path: string, { hold, libc }: { hold: boolean; libc: boolean }) {
  const nodeDiskUrl = new URL('../../src/files/node-disk.ts', import.meta.url).href
  const program = `
    const { nodeDisk } = await import(${JSON.stringify(nodeDiskUrl)})
    const lock = await nodeDisk.lock(${JSON.stringify(path)}).catch((error) => { console.log(error.code + ': ' + error.message) })
    if (lock !== undefined) {
      console.log('taken')
      if (${hold}) setInterval(() => {}, 1000)
      else await lock.release()
    }`
  const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', program], {
    cwd: fileURLToPath(new URL('../..', import.meta.url)),
    env: { ...process.env, HOLDFAST_NO_LIBC: libc ? '0' : '1' },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const ended = new Promise<void>((resolve) => child.on('exit', () => resolve()))
  const said = new Promise<string>((resolve, reject) => {
    let text = ''
    void ended.then(() => reject(new Error(`the process ended and said only ${JSON.stringify(text)}`)))
    child.stdout.on('data', (chunk) => {
      text += chunk
      if (text.includes('\n')) resolve(text.trim())
    })
  })
  return { child, said, ended }
}

describe('the lock of a directory', () => {
  for (const libc of [true, false]) {
    const how = libc ? 'held by the kernel' : 'held by its text (HOLDFAST_NO_LIBC=1)'
    test(`names its holder, and one whose holder was killed is taken over, ${how}`, async (t) => {
      const path = join(await temporaryDirectory(t), 'lock')
      const holder = locker(path, { hold: true, libc })
      assert.equal(await holder.said, 'taken')
      const refused = locker(path, { hold: false, libc })
      const words = await refused.said
      assert.ok(words.startsWith('DATA_DIR_LOCKED') && words.includes(`process ${holder.child.pid}`), words)
      await refused.ended
      holder.child.kill('SIGKILL')
      await holder.ended
      const next = locker(path, { hold: false, libc })
      assert.equal(await next.said, 'taken')
      await next.ended
    })
  }

  test('is not given twice in one process either, and is free once released', async (t) => {
    const path = join(await temporaryDirectory(t), 'lock')
    const lock = await nodeDisk.lock(path)
    await assert.rejects(nodeDisk.lock(path), (error: Error & { code?: string }) => {
      assert.equal(error.code, 'DATA_DIR_LOCKED')
      assert.ok(error.message.includes(`process ${process.pid}`))
      return true
    })
    await lock.release()
    const again = await nodeDisk.lock(path)
    await again.release()
  })

  test('by its text it is not given twice under two spellings of its path', async (t) => {
    const directory = await temporaryDirectory(t)
    await symlink(directory, `${directory}-link`)
    t.after(() => nodeDisk.remove(`${directory}-link`))
    const url = new URL('../../src/files/node-disk.ts', import.meta.url).href
    const program = `
      const { nodeDisk } = await import(${JSON.stringify(url)})
      const codes = []
      for (const path of process.argv.slice(1)) {
        codes.push(await nodeDisk.lock(path).then(() => 'taken', (error) => error.code))
      }
      console.log(codes.join(' '))`
    const spellings = [
      join(directory, 'lock'),
      relative(process.cwd(), join(directory, 'lock')),
      `${directory}-link/lock`,
    ]
    const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', program, ...spellings], {
      env: { ...process.env, HOLDFAST_NO_LIBC: '1' },
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    let text = ''
    for await (const chunk of child.stdout) text += chunk
    assert.equal(text.trim(), 'taken DATA_DIR_LOCKED DATA_DIR_LOCKED')
  })
})
