/**
 * Who this node is to etcd: a user with a password, for which etcd gives a token that runs out, and certificates. What is
 * secret of it is in no message.
 */

import { Agent } from 'node:https'
import { createSecureContext } from 'node:tls'
import { HoldfastError, reasonOf } from '../../core/errors.js'
import type { Json } from './endpoints.js'

/** Absent is what etcd does not ask for. */
export interface EtcdAccess {
  readonly user?: string
  readonly password?: string
  /** PEM: whom to believe that it is etcd, instead of those that Node does. */
  readonly ca?: Buffer
  /** PEM: the certificate of this node, and its key. */
  readonly cert?: Buffer
  readonly key?: Buffer
}

/** etcd did nothing of what it was asked for: the token is missing, or holds no more. */
export class LoginNeeded extends Error {
  override readonly name = 'LoginNeeded'
}

/** @throws INVALID_SETTING for what are no certificates */
export function secureAgent({ ca, cert, key }: EtcdAccess): Agent {
  try {
    createSecureContext({ ca, cert, key })
  } catch (error) {
    throw new HoldfastError(
      'INVALID_SETTING',
      `The certificates for etcd (replication.etcd.*.file) cannot be used: ${reasonOf(error)}.`,
    )
  }
  return new Agent({ keepAlive: true, ca, cert, key })
}

/** What an error of etcd is to this program. `user`: who asked. */
export function refusalOf(message: string, user: string | undefined): Error {
  const refused = (why: string) => new HoldfastError('INVALID_SETTING', `${why} (${message}).`)
  if (/authentication failed/.test(message)) {
    return refused(`etcd does not believe that this node is ${user}; see replication.etcd.password.file`)
  }
  if (/permission denied/.test(message)) {
    return refused(`etcd does not let ${user} read and write what begins with "/" and replication.cluster`)
  }
  const isUnknown = /invalid auth token|user name is empty|auth store is old|token is not provided/.test(message)
  if (!isUnknown) return new Error(message)
  if (user !== undefined) return new LoginNeeded(message)
  return refused('etcd asks who this node is; say so with replication.etcd.user')
}

export class Login {
  readonly user: string | undefined
  readonly #password: string
  /** Empty where etcd asks nobody who it is. */
  #token: string | undefined

  constructor({ user, password = '' }: EtcdAccess) {
    this.user = user
    this.#password = password
  }

  get headers(): Record<string, string> {
    return this.#token ? { authorization: this.#token } : {}
  }

  /** Gets a token where there is none and one is needed. @throws INVALID_SETTING where etcd refuses the user */
  async renew(ask: (path: string, body: Json) => Promise<Json>): Promise<void> {
    if (this.user === undefined || this.#token !== undefined) return
    try {
      const { token } = await ask('/v3/auth/authenticate', { name: this.user, password: this.#password })
      this.#token = String(token)
    } catch (error) {
      if (!/authentication is not enabled/.test(reasonOf(error))) throw error
      this.#token = ''
    }
  }

  forget(): void {
    this.#token = undefined
  }
}
