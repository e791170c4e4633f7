/** What other sites, strangers and broken clients try against the console's port. */

import assert from 'node:assert/strict'
import { connect, type Socket } from 'node:net'
import { test } from 'node:test'
import type { ApiError, MessagePage } from '../../src/console/api-types.js'
import { ConsoleServer } from '../../src/console/server.js'
import { until } from '../support/until.js'
import { type Answer, openConsole } from './world.js'

const token = 'a-token-of-some-length'
const codeOf = (answer: Answer) => (answer.json as ApiError).code

test('a name that was pointed here by another site is not answered (DNS rebinding); addresses and localhost are', async () => {
  await using world = await openConsole({ hosts: ['queue.example'] })
  const { port } = world.server
  const by = (host: string) => world.ask('/api/overview', { headers: { host } })
  for (const host of [
    `evil.example:${port}`,
    'evil.example',
    `localhost.evil.example:${port}`,
    `127.0.0.1.evil.example`,
    'a b',
    '127.0.0.1@evil.example',
  ]) {
    const answer = await by(host)
    assert.ok([421, 400].includes(answer.status), `${JSON.stringify(host)}: ${answer.status}`)
    assert.doesNotMatch(answer.text, /clusterId/)
  }
  for (const host of [
    `127.0.0.1:${port}`,
    'localhost',
    `[::1]:${port}`,
    '192.168.1.5:8080',
    'Queue.Example:80',
    'a.localhost',
  ]) {
    assert.equal((await by(host)).status, 200, host)
  }
  assert.equal((await world.ask('/', { headers: { host: 'evil.example' } })).status, 421)
  assert.equal((await world.ask('/metrics', { headers: { host: 'evil.example' } })).status, 421)
})

test('pages of other sites neither read nor change anything (CSRF)', async () => {
  await using world = await openConsole()
  const { ask, server } = world
  const ours = `http://127.0.0.1:${server.port}`
  const create = (headers: Record<string, string>) =>
    ask('/api/topics', { method: 'POST', body: { name: 'x' }, headers })
  assert.equal(codeOf(await create({})), 'FORBIDDEN_ORIGIN', 'without the header that no form can send')
  const marked = { 'x-holdfast-console': '1' }
  const foreign: Record<string, string>[] = [
    { origin: 'https://evil.example' },
    { origin: 'null' },
    { origin: `http://127.0.0.1:${server.port + 1}` },
    { origin: `http://localhost:${server.port}` },
    { 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'same-site' },
  ]
  for (const headers of foreign) {
    assert.equal((await create({ ...marked, ...headers })).status, 403, JSON.stringify(headers))
    assert.equal((await ask('/api/topics', { headers })).status, 403, `reading: ${JSON.stringify(headers)}`)
  }
  const form = { ...marked, 'content-type': 'text/plain' }
  assert.equal(codeOf(await create(form)), 'NOT_JSON')
  assert.equal((await ask('/api/topics')).text.includes('"total":0'), true)
  assert.equal((await create({ ...marked, origin: ours, 'sec-fetch-site': 'same-origin' })).status, 201)
  const preflight = await ask('/api/topics', {
    method: 'OPTIONS',
    headers: { origin: 'https://evil.example', 'access-control-request-method': 'POST' },
  })
  assert.equal(preflight.status, 403)
  assert.equal(preflight.headers['access-control-allow-origin'], undefined)
})

test('nothing is changed by GET, and wrong methods are told which are right', async () => {
  await using world = await openConsole()
  await world.queue.topics.create('orders', {})
  for (const path of [
    '/api/verify',
    '/api/groups/g/reset',
    '/api/topics/orders/config',
    '/api/topics/orders/partitions',
  ]) {
    const answer = await world.ask(path)
    assert.equal(answer.status, 405, path)
    assert.ok(answer.headers.allow)
  }
  assert.equal((await world.change('PUT', '/api/topics/orders')).status, 405)
  assert.equal((await world.change('DELETE', '/metrics')).status, 405)
  assert.equal((await world.ask('/api/nothing')).status, 404)
})

test('with a token nothing is told without it; the cookie stands for it, and cannot be made up', async () => {
  await using world = await openConsole({ token })
  const { ask } = world
  for (const path of [
    '/api/overview',
    '/api/live',
    '/api/topics',
    '/metrics',
    '/api/trace?topic=x&offset=1',
    '/api/anything',
  ]) {
    assert.equal((await ask(path)).status, 401, path)
  }
  assert.deepEqual((await ask('/api/session')).json, { tokenRequired: true, signedIn: false })
  assert.equal((await ask('/api/overview', { headers: { authorization: `Bearer ${token}x` } })).status, 401)
  assert.equal((await ask('/api/overview', { headers: { authorization: `Bearer ${token}` } })).status, 200)
  assert.equal(
    (await ask('/metrics', { headers: { authorization: `Bearer ${token}`, host: 'holdfast:8080' } })).status,
    200,
  )

  assert.equal((await world.change('POST', '/api/session', { token: 'wrong' })).status, 401)
  const signedIn = await world.change('POST', '/api/session', { token })
  assert.equal(signedIn.status, 200)
  const [cookie] = signedIn.headers['set-cookie'] ?? []
  assert.match(cookie, /HttpOnly/)
  assert.match(cookie, /SameSite=Strict/)
  const [pair] = cookie.split(';')
  assert.equal((await ask('/api/overview', { headers: { cookie: pair } })).status, 200)
  const [name, value] = pair.split('=')
  const [until, signature] = value.split('.')
  for (const forged of [
    `${Number(until) + 1}.${signature}`,
    `${until}.`,
    `${until}`,
    '',
    `${until}.${'A'.repeat(43)}`,
    `9999999999999.${signature}`,
  ]) {
    assert.equal((await ask('/api/overview', { headers: { cookie: `${name}=${forged}` } })).status, 401, forged)
  }
  // The cookie alone does not make another site's request ours.
  const forgedPost = {
    method: 'POST',
    body: { name: 'x' },
    headers: { cookie: pair, origin: 'https://evil.example', 'x-holdfast-console': '1' },
  }
  assert.equal((await ask('/api/topics', forgedPost)).status, 403)
  for (let i = 0; i < 20; i++) await world.change('POST', '/api/session', { token: `guess-${i}` })
  assert.equal((await world.change('POST', '/api/session', { token: 'one more' })).status, 429)
})

test('an address that others reach is not served without a token, and none that is short', async () => {
  await using world = await openConsole()
  const options = { port: 0, kafkaAddress: '', monitor: world.monitor, metrics: world.metrics }
  for (const host of ['0.0.0.0', '::', '192.168.1.5', 'example.org']) {
    await assert.rejects(ConsoleServer.listen(world.broker, { ...options, host }), { code: 'INVALID_ARGUMENT' })
  }
  await assert.rejects(ConsoleServer.listen(world.broker, { ...options, host: '0.0.0.0', token: 'short' }), /16/)
})

test('oversized and malformed queries and bodies are refused before they cost anything', async () => {
  await using world = await openConsole()
  const { ask, change } = world
  await world.queue.topics.create('orders', { partitions: 2 })
  const long = 'x'.repeat(9000)
  assert.equal(codeOf(await ask(`/api/topics?search=${long}`)), 'QUERY_TOO_LONG')
  assert.equal((await ask('/api/topics', { headers: { padding: 'x'.repeat(20_000) } })).status, 431)
  const bad = [
    '/api/topics?limit=501',
    '/api/topics?limit=-1',
    '/api/topics?limit=1e3',
    '/api/topics?offset=99999999999999999999',
    '/api/topics/orders/messages?limit=100000',
    '/api/topics/orders/messages?offset=1&time=2',
    '/api/topics/orders/messages?partition=7',
    '/api/topics/orders/messages?partition=%00',
    '/api/history?seconds=1000000',
    '/api/trace?topic=orders',
    '/api/storage/orders/..',
    '/api/storage/orders/1e9',
  ]
  for (const path of bad) {
    const answer = await ask(path)
    assert.ok(answer.status === 400 || answer.status === 404, `${path}: ${answer.status} ${answer.text}`)
    assert.match(String(answer.headers['content-type']), /application\/json/)
  }
  assert.equal(
    codeOf(await change('POST', '/api/topics', { name: 'x', config: { a: 'y'.repeat(70_000) } })),
    'BODY_TOO_LARGE',
  )
  const huge = await change('POST', '/api/topics/orders/messages', { value: 'y'.repeat(5_000_000) }).catch(
    () => undefined,
  )
  assert.ok(huge === undefined || codeOf(huge) === 'BODY_TOO_LARGE')
  for (const body of [
    '[',
    '[]',
    'null',
    '"x"',
    '{"name":1}',
    '{"name":"x","nonsense":1}',
    '{"__proto__":{"name":"x"}}',
  ]) {
    const answer = await ask('/api/topics', { method: 'POST', body, headers: { 'x-holdfast-console': '1' } })
    assert.equal(answer.status, 400, `${body}: ${answer.text}`)
  }
  assert.equal((await ask('/api/topics')).text.includes('"total":1'), true)
})

test('script in keys, values, headers and names goes out as JSON that no browser takes for a page', async () => {
  await using world = await openConsole()
  const script = '<script>alert(1)</script>"\'\u2028&'
  await world.queue.topics.create('orders', {})
  await world.queue.send('orders', { key: script, value: script, headers: [{ key: script, value: script }], tags: 'x' })
  const answer = await world.ask('/api/topics/orders/messages')
  assert.match(String(answer.headers['content-type']), /^application\/json/)
  assert.equal(answer.headers['x-content-type-options'], 'nosniff')
  const [message] = (answer.json as MessagePage).messages
  assert.deepEqual([message.key?.text, message.value?.text, message.headers[0].key], [script, script, script])
  const named = encodeURIComponent(script)
  for (const path of [
    `/api/topics/${named}`,
    `/api/groups/${named}`,
    `/api/trace?topic=${named}&offset=0`,
    `/api/${named}`,
    `/x.${named}`,
  ]) {
    const refused = await world.ask(path)
    assert.ok(refused.status >= 400, path)
    assert.match(String(refused.headers['content-type']), /^application\/json/)
  }
  assert.equal((await world.change('POST', '/api/topics', { name: script })).status, 400)
})

test('no path leads to a file that is none of the pages', async () => {
  await using world = await openConsole()
  for (const path of [
    '/../../../../etc/passwd',
    '/..%2f..%2f..%2fetc/passwd',
    '/%2e%2e/%2e%2e/package.json',
    '/....//package.json',
    '/..\\..\\package.json',
    '/index.html%00.js',
    '//etc/passwd.txt',
    '/server.js',
    '/pages/../server.js',
  ]) {
    const { status, text } = await world.ask(path)
    assert.ok(status === 404 || status === 400 || /^<!doctype html>/i.test(text), `${path}: ${status}`)
    assert.doesNotMatch(text, /root:|"dependencies"|ConsoleServer/)
  }
})

test('every answer carries the headers that keep a browser from running or framing what it should not', async () => {
  await using world = await openConsole()
  for (const path of ['/', '/api/overview', '/api/nothing', '/metrics']) {
    const { headers } = await world.ask(path)
    const csp = String(headers['content-security-policy'])
    assert.match(csp, /default-src 'none'/)
    assert.match(csp, /frame-ancestors 'none'/)
    assert.doesNotMatch(csp, /unsafe/)
    assert.equal(headers['x-content-type-options'], 'nosniff')
    assert.equal(headers['access-control-allow-origin'], undefined)
  }
})

function rawStream(port: number, path: string): Promise<{ socket: Socket; head: string }> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(`GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`))
    socket.once('data', (data) => resolve({ socket, head: String(data) }))
    socket.once('error', reject)
  })
}

test('thousands of event streams: a few are kept, the others refused at once, and queries go on', async () => {
  await using world = await openConsole({ streams: { mostPerClient: 50 } })
  const { port } = world.server
  const sockets: Socket[] = []
  let refused = 0
  try {
    for (let round = 0; round < 20; round++) {
      const opened = await Promise.all(Array.from({ length: 100 }, () => rawStream(port, '/api/live')))
      for (const { socket, head } of opened) {
        sockets.push(socket)
        socket.on('error', () => {})
        if (head.startsWith('HTTP/1.1 429')) refused++
      }
    }
    assert.equal(refused, 1950)
    assert.equal((await world.ask('/api/overview')).status, 200)
  } finally {
    for (const socket of sockets) socket.destroy()
  }
  await until('places of streams are free again', async () => {
    const { socket, head } = await rawStream(port, '/api/live')
    socket.destroy()
    return head.startsWith('HTTP/1.1 200')
  })
})

test('a reader who takes nothing does not let the tail fill the memory, and is told what it missed', async () => {
  await using world = await openConsole()
  await world.queue.topics.create('orders', {})
  const { socket } = await rawStream(world.server.port, '/api/topics/orders/tail')
  socket.pause()
  const value = Buffer.alloc(8000, 'x').toString()
  for (let round = 0; round < 40; round++) {
    await world.queue.sendMany(
      'orders',
      Array.from({ length: 200 }, () => ({ value })),
    )
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  let text = ''
  socket.setEncoding('utf8')
  socket.on('data', (piece) => {
    text += piece
  })
  socket.resume()
  await until('it is told', () => /event: dropped/.test(text))
  const shown = text.split('event: message').length - 1
  assert.ok(shown < 8000, `${shown} messages`)
  socket.destroy()
})

test('requests that are never finished and answers that are never read hold nobody up', async () => {
  await using world = await openConsole()
  await world.queue.topics.create('orders', {})
  const idle = await Promise.all(
    Array.from(
      { length: 200 },
      () =>
        new Promise<Socket>((resolve) => {
          const socket = connect(world.server.port, '127.0.0.1', () => {
            socket.write(
              'POST /api/topics HTTP/1.1\r\nHost: localhost\r\nx-holdfast-console: 1\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{',
            )
            resolve(socket)
          })
          socket.on('error', () => {})
        }),
    ),
  )
  assert.equal((await world.ask('/api/overview')).status, 200)
  for (const socket of idle) socket.destroy()
})
