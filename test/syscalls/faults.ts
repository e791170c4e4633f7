/** Which errors each call of the system is made to give: those that its manual names and that a disk or a limit brings about. */

import type { Seen } from './shim.js'
import { type CallName, callNames, type ErrnoName, type Fault, slowMs } from './shim.js'

type Kind = Omit<Fault, 'call' | 'nth' | 'times'>

const fail = (...errors: ErrnoName[]): Kind[] => errors.map((error) => ({ how: 'fail', error }))
/** It was done, and the error says nothing of it. */
const after: Kind = { how: 'after', error: 'EIO' }
const slow: Kind = { how: 'slow', delayMs: slowMs }

const kinds: Readonly<Record<CallName, readonly Kind[]>> = {
  open: fail('EIO', 'EMFILE', 'ENOSPC', 'EINTR'),
  read: fail('EIO', 'EINTR'),
  write: [...fail('EIO', 'ENOSPC', 'EINTR'), { how: 'shorter' }, after],
  sync: [...fail('EIO', 'ENOSPC', 'EINTR'), after, slow],
  msync: [...fail('EIO', 'EINTR'), slow],
  fallocate: [...fail('ENOSPC', 'EIO', 'EINTR'), after],
  truncate: [...fail('EIO', 'EINTR'), after],
  rename: [...fail('EIO', 'ENOSPC'), after],
  unlink: [...fail('EIO'), after],
  close: fail('EIO', 'EINTR', 'ENOSPC'),
  mmap: fail('ENOMEM', 'ENODEV'),
  mkdir: [...fail('EIO', 'ENOSPC'), after],
  list: fail('EIO', 'EMFILE'),
  link: fail('EIO', 'ENOSPC'),
  populate: fail('EFAULT', 'ENOMEM'),
  copy: fail('EIO', 'ENOSPC'),
  stat: fail('EIO'),
}

/** A call that is interrupted each time, or that hangs each time, is none that anybody could answer. */
const onceOnly = ({ how, error }: Kind): boolean =>
  how === 'slow' || how === 'shorter' || how === 'after' || error === 'EINTR'

/** Every fault of a life in which each call is made so often: once, and from then on. */
export function allFaults(seen: Seen): Fault[] {
  return callNames.flatMap((call) =>
    kinds[call].flatMap((kind) =>
      Array.from({ length: seen[call] }, (_, index): Fault[] => {
        const once: Fault = { call, ...kind, nth: index + 1, times: 1 }
        return onceOnly(kind) ? [once] : [once, { ...once, times: 0 }]
      }).flat(),
    ),
  )
}
