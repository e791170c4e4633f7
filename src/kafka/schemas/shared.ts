/** Pieces that the messages of several APIs have in common. */

import { array, int32, nullable, string, struct, withDefault } from '../../core/codec/index.js'

/** How long the client was or will be made to wait because of a quota. */
export const throttleTimeMs = withDefault(0, int32)

/** "The operations this client may do" where the client did not ask for them. */
export const operationsNotAsked = -2147483648

/** Operations as bits, one for each AclOperation number. */
export const authorizedOperations = withDefault(operationsNotAsked, int32)

/**
 * The leader to turn to instead (KIP-951). Leave it out unless the error says that another broker leads:
 * @platformatic/kafka 1.35 cannot skip tagged fields inside arrays and misreads the rest of the answer.
 */
export const currentLeader = struct({
  leaderId: withDefault(-1, int32),
  leaderEpoch: withDefault(-1, int32),
})

/** Where the leaders named in a response can be reached (KIP-951). */
export const nodeEndpoints = array(
  struct({
    nodeId: int32,
    host: string,
    port: int32,
    rack: nullable(string),
  }),
)
