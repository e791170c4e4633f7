/** SaslHandshake: which mechanism a client logs in with. Versions 0-1; with 1 what follows goes in SaslAuthenticate. */

import { array, int16, string, struct } from '../../core/codec/index.js'
import { api } from './api.js'

export const saslHandshake = api({
  key: 17,
  name: 'SaslHandshake',
  versions: [0, 1],
  flexibleFrom: Number.POSITIVE_INFINITY,
  request: struct({ mechanism: string }),
  /** `mechanisms`: those that the broker knows. */
  response: struct({ errorCode: int16, mechanisms: array(string) }),
})
