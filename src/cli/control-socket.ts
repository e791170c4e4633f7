/**
 * Asks of one process what only it can do, since it holds the data directory: `holdfast serve` listens on a Unix socket in
 * it, which the file system's rights protect like the directory's other files. A line of JSON asks, lines of JSON answer:
 * `progress` as often as there is some, then `done` or `error`. Who hangs up gives up.
 */

import { createConnection, createServer, type Server, type Socket } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Broker } from '../broker/broker.js'
import type { Advice } from '../console/api-types.js'
import { systemClock } from '../core/clock.js'
import { asHoldfastError, type ErrorCode, errorTable, HoldfastError } from '../core/errors.js'
import type { Logger } from '../core/logger.js'
import type { Disk } from '../files/disk.js'
import type { ReplicaNode } from '../replication/node.js'
import type { BackupProgress } from '../storage/backup/file-copies.js'
import type { BackupOptions, BackupReport } from '../storage/backup/store-backup.js'

export interface BackupRequest extends Pick<BackupOptions, 'link' | 'keep'> {
  readonly command: 'backup'
  readonly target: string
}

/** What the figures of the process advise now. */
export interface AdviceRequest {
  readonly command: 'advice'
}

export interface AdviceReport {
  /** Where nothing is counted, as without `--http`: on its logs alone, and null where they are well. */
  readonly advice: readonly Advice[] | null
}

/** Lets this node lead. */
export interface PromotionRequest {
  readonly command: 'promote'
  readonly unclean: boolean
}

export interface PromotionReport {
  readonly nodeId: number
  readonly epoch: number
}

type Request = BackupRequest | AdviceRequest | PromotionRequest
type Report = BackupReport | AdviceReport | PromotionReport

type Answer =
  | { readonly progress: BackupProgress }
  | { readonly done: Report }
  | { readonly error: { readonly code: string; readonly message: string } }

const longestLine = 64 * 1024

function socketPath(dataPath: string): string {
  return join(dataPath, 'control.sock')
}

export interface ControlTools {
  readonly disk: Disk
  readonly logger: Logger
  /** Where figures are watched: what they advise. */
  readonly monitor?: { readonly advice: readonly Advice[] }
  /** Where this is one of several nodes. */
  readonly node?: Pick<ReplicaNode, 'promote' | 'replicated'>
}

/** What may be asked for. */
interface Controlled extends Pick<ControlTools, 'monitor' | 'node'> {
  readonly broker: Broker
}

/** Listens beside the broker; where that cannot be, the log says why, and everything else works. */
export async function listenForControl(
  broker: Broker,
  dataPath: string,
  { disk, logger, monitor, node }: ControlTools,
): Promise<{ close(): Promise<void> }> {
  const path = socketPath(dataPath)
  const sockets = new Set<Socket>()
  // Who says that this was all still waits for the answer; who is gone is noticed as it is told of the progress.
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    serveOne({ broker, monitor, node }, socket)
  })
  try {
    // One that a killed process left: the directory is ours, so nobody listens on it.
    await disk.remove(path)
    await listen(server, path)
  } catch (err) {
    logger.warn({ path, err }, 'Cannot be controlled by other processes (holdfast backup) while it serves.')
  }
  return {
    close: async () => {
      for (const socket of sockets) socket.destroy()
      await new Promise<void>((resolve) => server.close(() => resolve()))
    },
  }
}

function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(path, () => {
      server.off('error', reject)
      resolve()
    })
  })
}

function serveOne(controlled: Controlled, socket: Socket): void {
  const gone = new AbortController()
  const answer = (line: Answer) => {
    if (socket.writable) socket.write(`${JSON.stringify(line)}\n`)
  }
  let asked = ''
  const onData = (text: string) => {
    asked += text
    const end = asked.indexOf('\n')
    if (end < 0 && asked.length <= longestLine) return
    socket.off('data', onData)
    socket.off('end', onEnd)
    work(controlled, asked.slice(0, end), (progress) => answer({ progress }), gone.signal)
      .then((done) => answer({ done }))
      .catch((thrown: unknown) => {
        const { code, message } = asHoldfastError(thrown)
        answer({ error: { code, message } })
      })
      .finally(() => socket.end())
  }
  // It ends without having asked.
  const onEnd = () => socket.end()
  socket.setEncoding('utf8')
  socket.on('data', onData)
  socket.on('end', onEnd)
  socket.on('error', () => socket.destroy())
  socket.on('close', () => gone.abort(new HoldfastError('CLOSED', 'The one who asked for it has gone.')))
}

/** @throws INVALID_REQUEST for a line that is no request, and what {@link Broker.backup} throws */
async function work(
  { broker, monitor, node }: Controlled,
  line: string,
  onProgress: (progress: BackupProgress) => void,
  signal: AbortSignal,
): Promise<Report> {
  const request = requestIn(line)
  if (request.command === 'advice') return { advice: monitor?.advice ?? (await adviceOnLogs(broker)) }
  if (request.command === 'promote') return promote(broker, node, request)
  const { target, link, keep } = request
  return broker.backup(target, { link, keep, onProgress, signal })
}

async function promote(
  { nodeId }: Broker,
  node: ControlTools['node'],
  { unclean }: PromotionRequest,
): Promise<PromotionReport> {
  if (node === undefined) {
    throw new HoldfastError('INVALID_REQUEST', 'This node is alone (replication.mode is none), and leads anyway.')
  }
  await node.promote({ unclean })
  return { nodeId, epoch: node.replicated.leaderEpoch }
}

/** Nothing of it is loaded before somebody asks. */
async function adviceOnLogs(broker: Broker): Promise<readonly Advice[] | null> {
  const [{ adviceAtOnce }, { logRules }, { logEvidence }] = await Promise.all([
    import('../monitoring/advice/advisor.js'),
    import('../monitoring/advice/log-rules.js'),
    import('../monitoring/troubled-logs.js'),
  ])
  const evidence = { settings: broker.settings, ...logEvidence(broker.stored) }
  const advice = adviceAtOnce(logRules, evidence, systemClock.now())
  return advice.length === 0 ? null : advice
}

function requestIn(line: string): Request {
  try {
    const request = JSON.parse(line) as Partial<BackupRequest> | AdviceRequest | PromotionRequest | null
    if (request?.command === 'advice') return request
    if (request?.command === 'promote') return { command: 'promote', unclean: request.unclean === true }
    if (request?.command === 'backup' && typeof request.target === 'string' && request.target !== '')
      return request as BackupRequest
  } catch {
    // Said below, like any other line that asks for nothing.
  }
  throw new HoldfastError('INVALID_REQUEST', 'A request is a line of JSON, {"command":"backup","target":"DIR"}.')
}

/** Asks the process that has the data directory open. @throws CONNECTION_FAILED where none listens, and what it answers */
export function askServing(
  dataPath: string,
  request: BackupRequest,
  onProgress: (progress: BackupProgress) => void,
): Promise<BackupReport> {
  return ask<BackupReport>(dataPath, request, onProgress)
}

/** What the process advises that has the data directory open. @throws CONNECTION_FAILED where none listens */
export function askAdvice(dataPath: string): Promise<AdviceReport> {
  return ask<AdviceReport>(dataPath, { command: 'advice' }, () => {})
}

/** @throws CONNECTION_FAILED where no process serves the directory, and what {@link ReplicaNode.promote} throws */
export function askPromotion(dataPath: string, unclean: boolean): Promise<PromotionReport> {
  return ask<PromotionReport>(dataPath, { command: 'promote', unclean }, () => {})
}

function ask<Done extends Report>(
  dataPath: string,
  request: Request,
  onProgress: (progress: BackupProgress) => void,
): Promise<Done> {
  return new Promise((resolve, reject) => {
    const socket = createConnection(socketPath(dataPath))
    const lines = createInterface({ input: socket })
    socket.once('connect', () => socket.write(`${JSON.stringify(request)}\n`))
    lines.on('line', (text) => {
      const line = JSON.parse(text) as Answer
      if ('progress' in line) onProgress(line.progress)
      else if ('done' in line) resolve(line.done as Done)
      else reject(new HoldfastError(knownCode(line.error.code), line.error.message))
    })
    const failed = (cause?: unknown) =>
      reject(
        new HoldfastError(
          'CONNECTION_FAILED',
          `The process that has ${dataPath} open does not answer on its control socket.`,
          {
            cause,
          },
        ),
      )
    socket.on('error', failed)
    // The interface says again what the socket said.
    lines.on('error', failed)
    socket.on('close', () => failed())
  })
}

function knownCode(code: string): ErrorCode {
  return Object.hasOwn(errorTable, code) ? (code as ErrorCode) : 'UNKNOWN_SERVER_ERROR'
}
