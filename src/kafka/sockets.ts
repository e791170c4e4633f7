/** A client's socket to a broker, in the clear or through TLS. */

import { connect, isIP, type Socket } from 'node:net'
import { type ConnectionOptions, connect as connectTls, createSecureContext, type SecureContextOptions } from 'node:tls'
import { addressText } from '../core/addresses.js'
import type { Clock } from '../core/clock.js'
import { HoldfastError } from '../core/errors.js'
import type { Sasl } from './sasl/log-in.js'

export interface Security {
  /** True: with the authorities that Node trusts. Otherwise as `tls.connect` takes it. */
  readonly tls?: boolean | ConnectionOptions
  readonly sasl?: Sasl
}

interface SocketOptions {
  readonly host: string
  readonly port: number
  readonly clock: Clock
  readonly requestTimeoutMs: number
  readonly security?: Security
  readonly signal?: AbortSignal
}

/** Whoever is there says so sooner. */
const longestConnectMs = 10_000

/** Whether a certificate and its key can be used, before the first connection finds out. @throws what OpenSSL says */
export function tryIdentity(identity: SecureContextOptions): void {
  createSecureContext(identity)
}

/** @throws CONNECTION_FAILED, with what is wrong in words */
export function openSocket(options: SocketOptions): Promise<Socket> {
  const { host, port, clock, signal } = options
  const tls = options.security?.tls ?? false
  const timeoutMs = Math.min(options.requestTimeoutMs, longestConnectMs)
  return new Promise((resolve, reject) => {
    const plain = { host, port, noDelay: true, keepAlive: true }
    const socket =
      tls === false ? connect(plain) : connectTls({ ...nameFor(host), ...(tls === true ? {} : tls), ...plain })
    const settle = (): void => {
      timer.cancel()
      signal?.removeEventListener('abort', onAbort)
    }
    const refuse = (why: string, cause?: unknown): void => {
      settle()
      socket.destroy()
      const message = `Cannot reach a broker at ${addressText(options)}: ${why}. Is it running, and is that its address?`
      reject(new HoldfastError('CONNECTION_FAILED', message, { cause }))
    }
    const timer = clock.schedule(timeoutMs, () => refuse(`no connection after ${timeoutMs} ms`))
    const onError = (error: NodeJS.ErrnoException): void => refuse(error.message || (error.code ?? 'it failed'), error)
    const onClose = (): void => refuse('it hung up')
    const onAbort = (): void => refuse('it is not wanted any more')
    signal?.addEventListener('abort', onAbort)
    socket.once('error', onError)
    socket.once('close', onClose)
    socket.once(tls === false ? 'connect' : 'secureConnect', () => {
      settle()
      socket.off('error', onError)
      socket.off('close', onClose)
      socket.setNoDelay(true)
      resolve(socket)
    })
  })
}

/** The name that the broker's certificate is asked for; an IP address is none. */
function nameFor(host: string): ConnectionOptions {
  return isIP(host) === 0 ? { servername: host } : {}
}
