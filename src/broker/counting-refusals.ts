/**
 * A broker whose refusals are counted by code, whatever was asked for: what a call throws, and in the answer of one that
 * names many partitions what each of them was refused with. Only put in front of a broker where somebody counts.
 *
 * `produce` is left as it is: each batch goes through it, and BrokerWatch sees its refusals anyway.
 */

import { asHoldfastError, HoldfastError } from '../core/errors.js'
import type { Metrics } from '../core/metrics/metrics.js'

export function countingRefusals<Service extends object>(service: Service, metrics: Metrics): Service {
  if (!metrics.isOn) return service
  const refused = ({ code }: HoldfastError): void =>
    metrics.counter('mq_refused_requests_total', { error: code }).add(1)
  const looking = <Answer>(answer: Answer): Answer => {
    if (!Array.isArray(answer)) return answer
    for (const item of answer) {
      const error = item instanceof HoldfastError ? item : (item as { error?: unknown } | undefined)?.error
      if (error instanceof HoldfastError) refused(error)
    }
    return answer
  }
  const failing = (error: unknown): never => {
    refused(asHoldfastError(error))
    throw error
  }
  const counting = new Map<unknown, unknown>()
  return new Proxy(service, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target)
      if (typeof value !== 'function') return value
      const known = counting.get(value)
      if (known !== undefined) return known
      // Private fields are the target's, so it is called on that.
      const counted = (...given: unknown[]): unknown => {
        try {
          const answer: unknown = Reflect.apply(value, target, given)
          return answer instanceof Promise ? answer.then(looking, failing) : looking(answer)
        } catch (error) {
          return failing(error)
        }
      }
      const call: unknown = name === 'produce' ? value.bind(target) : counted
      counting.set(value, call)
      return call
    },
  })
}
