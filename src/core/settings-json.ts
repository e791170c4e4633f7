/**
 * A flat JSON object with the line of each entry, which `JSON.parse` does not tell, nor (in Node 20) where it stumbled.
 * Only the cut into tokens and the form of the object are ours; what a text or number means, `JSON.parse` says.
 */

import type { FileEntry, Refuse } from './settings-file.js'

interface Token {
  /** One of `{}[]:,`, or the token's text; empty at the end. */
  readonly text: string
  readonly line: number
}

const tokenPattern = /[{}[\]:,]|"(?:[^"\\\n]|\\.)*"|[-+.\w]+/y

/** The entries of `{ "name": value, … }`. */
export function readFlatJson(text: string, refuse: Refuse): FileEntry[] {
  const tokens = tokensOf(text, refuse)
  let at = 0
  const next = (expected: RegExp, what: string): Token => {
    const token = tokens[at++]
    if (expected.test(token.text)) return token
    return refuse(token.line, `${token.text === '' ? 'it ends' : `${token.text} stands`} where ${what} must be`)
  }
  const parsed = ({ text: token, line }: Token): FileEntry['value'] => {
    try {
      return JSON.parse(token)
    } catch {
      return refuse(line, `${token} is not JSON`)
    }
  }
  const entries: FileEntry[] = []
  next(/^\{$/, '{')
  if (tokens[at].text === '}') at++
  else {
    do {
      const name = next(/^"/, 'the name of a setting in double quotes')
      next(/^:$/, '":"')
      const value = next(/^["\-\dtf]/, `a text, a number, true or false for ${name.text}`)
      entries.push({ name: parsed(name) as string, value: parsed(value), line: name.line })
    } while (next(/^[,}]$/, '"," or "}"').text === ',')
  }
  next(/^$/, 'the end of the file')
  return entries
}

/** All tokens, then one that is empty. */
function tokensOf(text: string, refuse: Refuse): Token[] {
  const tokens: Token[] = []
  let line = 1
  let at = 0
  for (;;) {
    const blank = /[ \t\r\n]*/y
    blank.lastIndex = at
    const skipped = blank.exec(text)?.[0] ?? ''
    line += skipped.split('\n').length - 1
    at += skipped.length
    if (at === text.length) break
    tokenPattern.lastIndex = at
    const found = tokenPattern.exec(text)?.[0]
    if (found === undefined) return refuse(line, `${JSON.stringify(text.slice(at, at + 20))} is not JSON`)
    tokens.push({ text: found, line })
    at += found.length
  }
  tokens.push({ text: '', line })
  return tokens
}
