/** The small parts that all pages share: badge, copy button, card, pairs of name and value, search field. */

import type { ComponentChildren } from 'preact'
import { useEffect, useRef, useState } from 'preact/hooks'
import { useShortcut } from '../app/shortcuts.js'
import { toast } from './toasts.js'

export type Tone = 'plain' | 'good' | 'warn' | 'bad' | 'note'

export function Badge({
  tone = 'plain',
  title,
  children,
}: {
  tone?: Tone
  title?: string
  children: ComponentChildren
}) {
  return (
    <span class={`badge is-${tone}`} title={title}>
      {children}
    </span>
  )
}

export function CopyButton({ text, label = 'Copy' }: { text: string; label?: string }) {
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text)
      toast('Copied')
    } catch {
      toast('The browser does not let this page copy.', { isError: true })
    }
  }
  return (
    <button type="button" class="quiet small" onClick={copy} title={text}>
      {label}
    </button>
  )
}

interface CardProps {
  readonly title?: ComponentChildren
  /** At the right of the title. */
  readonly aside?: ComponentChildren
  /** Without inner margins, for tables. */
  readonly flush?: boolean
  readonly class?: string
  readonly children: ComponentChildren
}

export function Card({ title, aside, flush = false, class: more = '', children }: CardProps) {
  return (
    <section class={`card${flush ? ' is-flush' : ''} ${more}`}>
      {(title || aside) && (
        <header class="card-head">
          <h2>{title}</h2>
          {aside && <div class="card-aside">{aside}</div>}
        </header>
      )}
      <div class="card-body">{children}</div>
    </section>
  )
}

/** Names and values, in two columns. */
export function Facts({ of }: { of: readonly (readonly [name: string, value: ComponentChildren])[] }) {
  return (
    <dl class="facts">
      {of.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  )
}

/** Tells what was typed once typing rests; `/` leads here. */
export function SearchField({
  value,
  label,
  onValue,
}: {
  value: string
  label: string
  onValue: (text: string) => void
}) {
  const input = useRef<HTMLInputElement>(null)
  const [text, setText] = useState(value)
  const latest = useRef(onValue)
  latest.current = onValue
  useShortcut('/', label, () => input.current?.focus())
  // What was told last comes back as `value`; by then more may have been typed, which must stay.
  const told = useRef(value)
  useEffect(() => {
    if (value !== told.current) setText(value)
    told.current = value
  }, [value])
  useEffect(() => {
    if (text === told.current) return
    const timer = setTimeout(() => {
      told.current = text
      latest.current(text)
    }, 200)
    return () => clearTimeout(timer)
  }, [text])
  return (
    <input
      ref={input}
      class="search"
      type="search"
      placeholder={`${label}  ( / )`}
      aria-label={label}
      value={text}
      spellcheck={false}
      autocomplete="off"
      onInput={(event) => setText(event.currentTarget.value)}
      onKeyDown={(event) => event.key === 'Escape' && input.current?.blur()}
    />
  )
}

/** The head of a page: where one is, what it is, and what can be done. */
export function PageHead(props: {
  readonly title: ComponentChildren
  readonly path?: readonly (readonly [text: string, address: string])[]
  readonly aside?: ComponentChildren
}) {
  return (
    <header class="page-head">
      <div>
        {props.path && (
          <nav class="crumbs" aria-label="Where this is">
            {props.path.map(([text, address]) => (
              <a key={address} href={address}>
                {text}
              </a>
            ))}
          </nav>
        )}
        <h1>{props.title}</h1>
      </div>
      {props.aside && <div class="page-aside">{props.aside}</div>}
    </header>
  )
}
