/** Values of settings in words: 604800000 ms are a week. */

import { bytes, span } from '../format.js'

/** Empty where the value speaks for itself. */
export function settingInWords(name: string, value: string, unit = unitOf(name)): string {
  const figure = Number(value)
  if (value.trim() === '' || !Number.isFinite(figure)) return ''
  if (figure === -1 && unit) return 'no limit'
  if (figure < 0) return ''
  if (unit && figure >= Number.MAX_SAFE_INTEGER) return 'no limit'
  if (unit === 'ms') return figure >= 1000 ? span(figure) : ''
  if (unit === 'bytes') return figure >= 1024 ? bytes(figure) : ''
  return ''
}

function unitOf(name: string): string {
  if (/(\.|^)ms$/.test(name)) return 'ms'
  return /(\.|^)bytes$/.test(name) ? 'bytes' : ''
}
