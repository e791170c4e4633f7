/** The settings of connections: how much of them is in memory, and how long they may take. */

import { int, live, type SettingRow } from './settings-rows.js'

const mib = 1024 * 1024
const int32Max = 2 ** 31 - 1

export const wireRows = {
  'socket.request.max.bytes': int(
    100 * mib,
    1024,
    int32Max - 4,
    'bytes',
    'Largest request frame that is read from a connection.',
  ),
  'queued.max.request.bytes': int(
    256 * mib,
    mib,
    Number.MAX_SAFE_INTEGER,
    'bytes',
    'Bytes of requests that may be in work in all; past it connections are not read.',
  ),
  'queued.max.response.bytes': int(
    256 * mib,
    mib,
    Number.MAX_SAFE_INTEGER,
    'bytes',
    'Bytes of fetched records that may be in memory in all, not counting what leaves from mapped files; as they grow answers become smaller, and past it fetches wait.',
  ),
  'connections.max.idle.ms': live(
    int(600_000, 100, int32Max, 'ms', 'A connection that sends nothing for so long is closed.'),
  ),
  'frame.timeout.ms': live(
    int(
      30_000,
      100,
      int32Max,
      'ms',
      'Longest time from the first byte of a request frame to its last, and that a client takes nothing of an answer while others wait for its memory.',
    ),
  ),
  'max.connections': live(
    int(10_000, 1, int32Max, 'connections', 'Connections that are open at once; one more is closed at once.'),
  ),
  'fetch.max.bytes': live(int(55 * mib, 1024, int32Max, 'bytes', 'Most bytes of records in one fetch answer.')),
} as const satisfies Record<string, SettingRow>
