/** Figures as people read them. Short, of steady width, with a unit; `–` where there is none. */

export const none = '–'

type Figure = number | null | undefined

/** 1234567 → "1,234,567". */
export function count(value: Figure): string {
  return isFigure(value) ? Math.round(value).toLocaleString('en-US') : none
}

/** 1234567 → "1.23 M". */
export function short(value: Figure): string {
  if (!isFigure(value)) return none
  const steps = ['', ' k', ' M', ' G', ' T']
  let left = value
  let step = 0
  while (Math.abs(left) >= 999.5 && step < steps.length - 1) {
    left /= 1000
    step++
  }
  return `${step === 0 && Number.isInteger(left) ? left : digits(left)}${steps[step]}`
}

/** 1536 → "1.50 KiB". */
export function bytes(value: Figure): string {
  if (!isFigure(value)) return none
  const steps = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB']
  let left = value
  let step = 0
  while (Math.abs(left) >= 1023.5 && step < steps.length - 1) {
    left /= 1024
    step++
  }
  return `${step === 0 ? Math.round(left) : digits(left)} ${steps[step]}`
}

/** Milliseconds → "0.42 ms", "12.3 ms", "1.50 s". */
export function milliseconds(value: Figure): string {
  if (!isFigure(value)) return none
  return value < 999.5 ? `${digits(value)} ms` : span(value)
}

/** A time span in ms → "1.50 s", "12 min", "3 h 20 min", "5 d 4 h". */
export function span(value: Figure): string {
  if (!isFigure(value)) return none
  const seconds = value / 1000
  if (seconds < 59.5) return `${digits(seconds)} s`
  const minutes = Math.round(seconds / 60)
  if (minutes < 60) return `${minutes} min`
  const hours = Math.floor(minutes / 60)
  if (hours < 24) return minutes % 60 ? `${hours} h ${minutes % 60} min` : `${hours} h`
  const days = Math.floor(hours / 24)
  return days < 100 && hours % 24 ? `${days} d ${hours % 24} h` : `${count(days)} d`
}

/** 0.4321 → "43.2 %". */
export function percent(ratio: Figure): string {
  return isFigure(ratio) ? `${digits(ratio * 100)} %` : none
}

/** "2026-11-26 04:43:29", in the browser's time zone. */
export function dateTime(ms: Figure): string {
  if (!isFigure(ms) || Number.isNaN(new Date(ms).getTime())) return none
  const date = new Date(ms)
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} ${clockTime(ms)}`
}

/** "04:43:29". */
export function clockTime(ms: number): string {
  const date = new Date(ms)
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`
}

/** "in 3 h", "12 min ago". */
export function fromNow(ms: Figure, now = Date.now()): string {
  if (!isFigure(ms)) return none
  const distance = ms - now
  if (Math.abs(distance) < 1500) return 'now'
  return distance > 0 ? `in ${span(distance)}` : `${span(-distance)} ago`
}

/** "1 file", "2 files". */
export function plural(value: number, singular: string, many = `${singular}s`): string {
  return `${count(value)} ${value === 1 ? singular : many}`
}

function isFigure(value: Figure): value is number {
  return typeof value === 'number' && Number.isFinite(value)
}

/** Three digits that count. */
function digits(value: number): string {
  const size = Math.abs(value)
  if (size === 0) return '0'
  return value.toFixed(size >= 99.95 ? 0 : size >= 9.995 ? 1 : 2)
}

function two(value: number): string {
  return String(value).padStart(2, '0')
}
