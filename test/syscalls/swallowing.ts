/** The control: a program that is told of a failed write, and tells its callers that all is well. */

import type { BrokerService, ProduceRequest, ProduceResult } from '../../src/broker/contract.js'

export function swallowing(service: BrokerService): BrokerService {
  const next = new Map<string, number>()
  const produce = async (request: ProduceRequest): Promise<ProduceResult> => {
    const place = `${request.topic}-${request.partition}`
    const guess = { baseOffset: next.get(place) ?? 0, logAppendTimeMs: -1, logStartOffset: 0 }
    const result = await service.produce(request).catch(() => guess)
    next.set(place, result.baseOffset + 1)
    return result
  }
  return new Proxy(service, {
    get(target, name) {
      if (name === 'produce') return produce
      const value: unknown = Reflect.get(target, name, target)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}
