/**
 * SaslAuthenticate: one step of logging in. Versions 0-2.
 *
 *  1 for how long it holds (KIP-368)     2 flexible
 */

import { bytes, int16, int64, nullable, since, string, struct } from '../../core/codec/index.js'
import { api } from './api.js'

export const saslAuthenticate = api({
  key: 36,
  name: 'SaslAuthenticate',
  versions: [0, 2],
  flexibleFrom: 2,
  request: struct({ authBytes: bytes }),
  response: struct({
    errorCode: int16,
    errorMessage: nullable(string),
    authBytes: bytes,
    /** 0 for as long as the connection. */
    sessionLifetimeMs: since(1, int64),
  }),
})
