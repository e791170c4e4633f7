import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { libc } from '../../src/files/libc.js'
import { temporaryDirectory } from '../storage/support.js'
import { mountSmallDisk, withoutTmpfs } from '../support/tmpfs.js'
import { runProgram } from './child.js'

const unmappable = libc() === undefined && 'SKIPPED: files cannot be mapped here.'

async function holds(name: string, directory: string, env: NodeJS.ProcessEnv = {}): Promise<void> {
  const { status, signal, output } = await runProgram('./risky-cases.ts', [name, directory], env)
  assert.deepEqual(
    { status, signal, ok: output.includes(`${name} holds`) },
    { status: 0, signal: null, ok: true },
    output,
  )
}

describe('what could end the process', () => {
  for (const name of ['mappingOutlivesItsFile', 'mapsComeAndGo']) {
    test(`${name}: does not`, { skip: unmappable }, async (t) => holds(name, await temporaryDirectory(t)))
  }

  for (const name of ['fullDisk', 'sparseFile']) {
    test(`${name}: is DISK_FULL for a mapped file, and no signal`, {
      skip: unmappable || withoutTmpfs(),
    }, async (t) => {
      const small = await mountSmallDisk('24m')
      t.after(() => small.remove())
      await holds(name, small.path)
    })
  }

  test('without libc a mapping is refused with what to do, and the rest works', async (t) => {
    await holds('withoutLibc', await temporaryDirectory(t), { HOLDFAST_NO_LIBC: '1' })
  })
})
