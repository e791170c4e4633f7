/**
 * Cancels what waits when a signal aborts, with one listener on a signal however many sends share it: Node warns of a
 * leak from the eleventh listener on.
 */

export interface Cancellable {
  readonly promise: Promise<unknown>
  cancel(reason: unknown): void
}

const waitingBySignal = new WeakMap<AbortSignal, Set<Cancellable>>()

/** `pending` is cancelled with `signal.reason` if the signal aborts before it has settled. */
export function cancelWith(signal: AbortSignal, pending: Cancellable): void {
  const waiting = waitingBySignal.get(signal) ?? listenTo(signal)
  waiting.add(pending)
  const settled = (): void => {
    waiting.delete(pending)
  }
  pending.promise.then(settled, settled)
}

function listenTo(signal: AbortSignal): Set<Cancellable> {
  const waiting = new Set<Cancellable>()
  waitingBySignal.set(signal, waiting)
  signal.addEventListener(
    'abort',
    () => {
      for (const pending of [...waiting]) pending.cancel(signal.reason)
    },
    { once: true },
  )
  return waiting
}
