/** Colours of the style sheet for what is drawn on a canvas, which knows no CSS variables. */

import { signal } from '@preact/signals'
import { onThemeChange } from '../app/theme.js'

/** Grows whenever the colours have changed. */
export const colorGeneration = signal(0)

onThemeChange(() => {
  colorGeneration.value++
})

/** The colour that a token such as `--accent` stands for now. */
export function colorOf(token: string): string {
  const probe = document.createElement('i')
  probe.style.color = `var(${token})`
  document.body.append(probe)
  const { color } = getComputedStyle(probe)
  probe.remove()
  return color
}
