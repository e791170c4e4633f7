/** A shop's traffic: topics, messages with keys, tags and headers, and groups that keep up or fall behind. */

import { type Consumer, Kafka, logLevel, Partitioners, type Producer } from 'kafkajs'

export interface SampleShop {
  /** Goes on with traffic until it is stopped. */
  stop(): Promise<void>
}

type Post = (path: string, body: unknown) => Promise<unknown>

const day = 86_400_000
const topics = [
  { name: 'orders', partitions: 6, config: { 'retention.ms': String(7 * day) } },
  { name: 'payments', partitions: 3, config: { 'retention.ms': String(30 * day) } },
  { name: 'customers', partitions: 3, config: { 'cleanup.policy': 'compact' } },
  { name: 'clicks', partitions: 12, config: { 'flush.disk.type': 'ASYNC_FLUSH', 'retention.ms': String(day) } },
  { name: 'mails', partitions: 2, config: { 'storage.layout': 'commitlog' } },
  { name: 'invoices', partitions: 4, config: { 'storage.layout': 'commitlog' } },
  { name: 'thumbnails', partitions: 3, config: {} },
  { name: 'audit', partitions: 1, config: { 'retention.ms': '-1' } },
]

const names = ['Ada', 'Grace', 'Edsger', 'Barbara', 'Donald', 'Frances', 'Ken', 'Radia', 'Tony', 'Jean']
const goods = ['lamp', 'chair', 'teapot', 'notebook', 'bicycle bell', 'rope', 'anchor', 'compass']
const tags = ['paid', 'placed', 'shipped', 'returned']

export async function openShop(address: string, post: Post): Promise<SampleShop> {
  for (const topic of topics) await post('api/topics', topic)
  const kafka = new Kafka({ clientId: 'shop', brokers: [address], logLevel: logLevel.NOTHING })
  const producer = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner })
  await producer.connect()
  for (let n = 0; n < 40; n++) await sendRound(producer, n * 50, 50)
  await post('api/topics/thumbnails/messages', {
    key: Buffer.from('product-7.png').toString('base64'),
    value: Buffer.from('89504e470d0a1a0a0000000d49484452000000200000002008060000', 'hex').toString('base64'),
    encoding: 'base64',
    headers: [{ key: 'content-type', value: 'image/png' }],
  })
  const consumers = [
    await consume(kafka, 'billing', 'orders', 0),
    await consume(kafka, 'billing', 'orders', 0),
    await consume(kafka, 'search-index', 'orders', 900),
    await consume(kafka, 'fraud-detection', 'payments', 0),
    await consume(kafka, 'analytics', 'clicks', 0),
  ]
  await leaveOffsets(kafka)
  let isOpen = true
  const traffic = (async () => {
    for (let n = 2000; isOpen; n += 60) {
      await sendRound(producer, n, 40 + Math.round(35 * Math.sin(n / 900)))
      await pause(90)
    }
  })()
  return {
    async stop() {
      isOpen = false
      await traffic
      await Promise.all(consumers.map((consumer) => consumer.disconnect()))
      await producer.disconnect()
    },
  }
}

async function sendRound(producer: Producer, from: number, length: number): Promise<void> {
  const numbers = Array.from({ length }, (_, index) => from + index)
  await producer.sendBatch({
    topicMessages: [
      { topic: 'orders', messages: numbers.map(order) },
      { topic: 'payments', messages: numbers.filter((n) => n % 3 === 0).map(payment) },
      { topic: 'customers', messages: numbers.filter((n) => n % 9 === 0).map(customer) },
      { topic: 'clicks', messages: numbers.flatMap((n) => [click(n), click(n + 1)]) },
      { topic: 'mails', messages: numbers.filter((n) => n % 10 === 0).map(mail) },
      { topic: 'invoices', messages: numbers.filter((n) => n % 12 === 0).map(payment) },
      { topic: 'audit', messages: numbers.filter((n) => n % 25 === 0).map(mail) },
    ],
  })
}

function order(n: number) {
  const value = {
    order: 100_000 + n,
    customer: { id: `c-${(n * 7919) % 997}`, name: pick(names, n) },
    lines: [
      { article: pick(goods, n), count: 1 + (n % 3), price: 9.5 + (n % 40) },
      { article: pick(goods, n * 5 + 3), count: 1, price: 24.9 },
    ],
    currency: 'EUR',
    express: n % 4 === 0,
  }
  return {
    key: `order-${100_000 + n}`,
    value: JSON.stringify(value),
    headers: {
      TAGS: pick(tags, n),
      'message-id': `ord-${(n * 48271).toString(36)}`,
      traceparent: `00-${hex(n, 32)}-${hex(n * 3, 16)}-01`,
      source: 'web-shop',
    },
  }
}

function payment(n: number) {
  const value = { order: 100_000 + n, amount: 40 + (n % 60), method: n % 2 ? 'card' : 'transfer' }
  return {
    key: `order-${100_000 + n}`,
    value: JSON.stringify(value),
    headers: { TAGS: n % 7 ? 'accepted' : 'refused' },
  }
}

function customer(n: number) {
  const id = `c-${(n * 7919) % 997}`
  return { key: id, value: JSON.stringify({ id, name: pick(names, n), since: 2011 + (n % 14) }) }
}

function click(n: number) {
  return { key: `s-${(n * 31) % 211}`, value: `GET /${pick(goods, n).replace(' ', '-')} 200 ${3 + (n % 40)}ms` }
}

function mail(n: number) {
  return {
    value: `To: ${pick(names, n).toLowerCase()}@example.org\nSubject: Your order ${100_000 + n}\n\nThank you, it is on its way.`,
  }
}

async function consume(kafka: Kafka, groupId: string, topic: string, slowMs: number): Promise<Consumer> {
  const consumer = kafka.consumer({ groupId, sessionTimeout: 30_000 })
  await consumer.connect()
  await consumer.subscribe({ topic, fromBeginning: true })
  await consumer.run({ autoCommitInterval: 500, eachBatch: slowMs > 0 ? slowly(slowMs) : async () => {} })
  return consumer
}

/** Resolves what it was given by and by, so that the group falls behind. */
function slowly(milliseconds: number): NonNullable<Parameters<Consumer['run']>[0]>['eachBatch'] {
  return async ({ batch, resolveOffset, heartbeat, isRunning, commitOffsetsIfNecessary }) => {
    for (const message of batch.messages.slice(0, 20)) {
      if (!isRunning()) return
      resolveOffset(message.offset)
      await pause(milliseconds / 20)
      await commitOffsetsIfNecessary()
      await heartbeat()
    }
  }
}

/** Groups that nobody is in now. */
async function leaveOffsets(kafka: Kafka): Promise<void> {
  const admin = kafka.admin()
  await admin.connect()
  const at = (offset: number, partitions: number) =>
    Array.from({ length: partitions }, (_, partition) => ({ partition, offset: String(offset) }))
  await admin.setOffsets({ groupId: 'nightly-export', topic: 'invoices', partitions: at(12, 4) })
  await admin.setOffsets({ groupId: 'mailer', topic: 'mails', partitions: at(80, 2) })
  await admin.disconnect()
}

function pick(list: readonly string[], n: number): string {
  return list[Math.abs((n * 2654435761) % list.length)]
}

function hex(n: number, length: number): string {
  let text = ''
  for (let part = n + 1; text.length < length; part++)
    text += (Math.imul(part, 2654435761) >>> 0).toString(16).padStart(8, '0')
  return text.slice(0, length)
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds))
}
