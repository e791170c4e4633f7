/** Figures as people read them. */

export function ms(value: number): string {
  if (value >= 10_000) return `${(value / 1000).toFixed(0)} s`
  if (value >= 10) return `${value.toFixed(0)} ms`
  return value >= 0.1 ? `${value.toFixed(1)} ms` : `${(value * 1000).toFixed(0)} µs`
}

export function percent(ratio: number): string {
  return `${(ratio * 100).toFixed(ratio < 0.1 ? 1 : 0)} %`
}

const byteUnits = ['B', 'KB', 'MB', 'GB', 'TB', 'PB']

export function bytes(value: number): string {
  let rest = Math.abs(value)
  let unit = 0
  while (rest >= 1000 && unit < byteUnits.length - 1) {
    rest /= 1000
    unit++
  }
  return `${value < 0 ? '-' : ''}${rest.toFixed(rest >= 10 || unit === 0 ? 0 : 1)} ${byteUnits[unit]}`
}

export function hours(value: number): string {
  if (value < 1) return `${Math.max(1, Math.round(value * 60))} minutes`
  return value < 48 ? `${Math.round(value)} hours` : `${Math.round(value / 24)} days`
}

/** Whole numbers with thousands apart. */
export function count(value: number): string {
  return Math.round(value).toLocaleString('en-US')
}
