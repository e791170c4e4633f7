/** What a stream can show: how wide it is, whether it takes colours, and how many columns a text fills there. */

import { stripVTControlCharacters, styleText } from 'node:util'

/** As much of a stream as is asked here; `process.stdout` is one. */
export interface Screen {
  readonly isTTY?: boolean
  readonly columns?: number
}

type Environment = Readonly<Record<string, string | undefined>>

/**
 * Columns that a line may fill: those of the terminal, or what COLUMNS says; undefined where nothing is to be cut, as in a
 * file or a pipe without COLUMNS.
 */
export function widthOf({ isTTY, columns }: Screen, environment: Environment = process.env): number | undefined {
  const asked = Number(environment['COLUMNS'])
  if (Number.isInteger(asked) && asked > 0) return asked
  return isTTY ? columns : undefined
}

/** On a terminal, unless NO_COLOR is set or the terminal is dumb; FORCE_COLOR decides where it is set (0 and false: no). */
export function hasColours({ isTTY }: Screen, environment: Environment = process.env): boolean {
  const forced = environment['FORCE_COLOR']
  if (forced !== undefined && forced !== '') return forced !== '0' && forced !== 'false'
  if ((environment['NO_COLOR'] ?? '') !== '') return false
  return isTTY === true && environment['TERM'] !== 'dumb'
}

/** Colour is for what has to be seen at once, and for what may be passed over. */
const paints = { heading: 'bold', bad: 'red', careful: 'yellow', good: 'green', aside: 'dim' } as const

export type Paint = keyof typeof paints

/** The text in colour, where the stream takes it. */
export function painted(paint: Paint, text: string, screen: Screen = process.stdout): string {
  return hasColours(screen) ? styleText(paints[paint], text, { validateStream: false }) : text
}

/** Marks that stand on the character before them. */
const markPattern = /\p{Mn}|\p{Me}|\p{Cf}/u
/** Characters of two columns: those of East Asia, and pictures. */
const widePattern =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\ua960-\ua97c\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|[\u{1f300}-\u{1faff}\u{20000}-\u{3fffd}]|\p{Emoji_Presentation}/u
/** Of those and no others it is known without a look that each fills one column. */
const plainPattern = /^[ -~]*$/

/** Columns that a text fills on a terminal; colours fill none. */
export function columnsOf(text: string): number {
  if (plainPattern.test(text)) return text.length
  let columns = 0
  for (const character of stripVTControlCharacters(text)) columns += columnsOfCharacter(character)
  return columns
}

/** The text in so many columns at most, with "…" where something was cut. */
export function cutTo(text: string, most: number): string {
  if (columnsOf(text) <= most) return text
  let columns = 0
  let kept = ''
  for (const character of text) {
    columns += columnsOfCharacter(character)
    if (columns > most - 1) break
    kept += character
  }
  return `${kept}…`
}

function columnsOfCharacter(character: string): number {
  if (markPattern.test(character)) return 0
  return widePattern.test(character) ? 2 : 1
}

/** Control characters would write over other lines, or steer the terminal: messages are written by others. */
export function onOneLine(text: string): string {
  return text.replaceAll(/\p{Cc}/gu, ' ')
}
