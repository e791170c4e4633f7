/** A line the size of a word: how a figure came to be what it is. */

interface SparklineProps {
  readonly values: readonly (number | null)[]
  readonly token?: string
  readonly width?: number
  readonly height?: number
}

export function Sparkline({ values, token = '--accent', width = 120, height = 28 }: SparklineProps) {
  const top = Math.max(1e-9, ...values.map((value) => value ?? 0))
  const step = width / Math.max(1, values.length - 1)
  let pen = 'M'
  const path = values
    .map((value, index) => {
      if (value === null) {
        pen = 'M'
        return ''
      }
      const point = `${pen}${(index * step).toFixed(1)} ${(height - 1.5 - (value / top) * (height - 3)).toFixed(1)}`
      pen = 'L'
      return point
    })
    .join('')
  return (
    <svg class="sparkline" viewBox={`0 0 ${width} ${height}`} preserveAspectRatio="none" aria-hidden="true">
      <path d={path} fill="none" style={{ stroke: `var(${token})` }} vector-effect="non-scaling-stroke" />
    </svg>
  )
}
