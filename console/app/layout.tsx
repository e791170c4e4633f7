/** The frame around every page: navigation, theme, whether the broker answers, token entry, help, errors of a page. */

import { Component, type ComponentChildren } from 'preact'
import { useEffect, useRef, useState } from 'preact/hooks'
import { enterToken, tokenWanted } from '../api/client.js'
import type { StreamState } from '../api/events.js'
import { followBroker, liveState } from '../api/live.js'
import { Dialog } from '../components/dialog.js'
import { Empty, Failure } from '../components/states.js'
import { Toasts } from '../components/toasts.js'
import { ShortcutHelp } from './help.js'
import { go, matchPath, type Params, place } from './router.js'
import { navigation, type Route, routes } from './routes.js'
import { addShortcuts, useShortcut } from './shortcuts.js'
import { chooseTheme, storedTheme, themes } from './theme.js'

export function Layout() {
  const [isHelpOpen, setHelpOpen] = useState(false)
  const { path } = place.value
  const found = findRoute(path)
  const title = found ? found.route.title(found.params) : 'Not found'
  useEffect(followBroker, [])
  useEffect(
    () =>
      addShortcuts(
        navigation.map(({ path: to, text, key }) => ({ keys: `g ${key}`, help: text, action: () => go(`#${to}`) })),
      ),
    [],
  )
  useShortcut('?', 'This help', () => setHelpOpen(true))
  useEffect(() => {
    document.title = `${title} · Holdfast`
    scrollTo(0, 0)
  }, [path, title])
  return (
    <div class="frame">
      <a class="skip" href={`#${path}`} onClick={(event) => skipToContent(event)}>
        Skip to content
      </a>
      <Side path={path} onHelp={() => setHelpOpen(true)} />
      <main id="content" tabIndex={-1}>
        <PageGuard key={path}>
          {found ? <found.route.page params={found.params} /> : <Empty title="There is no such page.">{path}</Empty>}
        </PageGuard>
      </main>
      <Toasts />
      {isHelpOpen && <ShortcutHelp onClose={() => setHelpOpen(false)} />}
      {tokenWanted.value && <TokenEntry />}
    </div>
  )
}

function findRoute(path: string): { readonly route: Route; readonly params: Params } | null {
  for (const route of routes) {
    const params = matchPath(route.pattern, path)
    if (params) return { route, params }
  }
  return null
}

function skipToContent(event: Event): void {
  event.preventDefault()
  document.getElementById('content')?.focus()
}

function Side({ path, onHelp }: { path: string; onHelp: () => void }) {
  const list = useRef<HTMLElement>(null)
  useEffect(() => {
    list.current?.querySelector('[aria-current]')?.scrollIntoView({ block: 'nearest', inline: 'nearest' })
  }, [path])
  return (
    <aside class="side">
      <a class="brand" href="#/">
        <img src="icon.svg" alt="" width="22" height="22" />
        Holdfast
      </a>
      <nav class="navigation" aria-label="Pages" ref={list}>
        {navigation.map(({ path: to, text }) => {
          const isHere = to === '/' ? path === '/' : path === to || path.startsWith(`${to}/`)
          return (
            <a key={to} href={`#${to}`} aria-current={isHere ? 'page' : undefined}>
              {text}
            </a>
          )
        })}
      </nav>
      <div class="side-foot">
        <LiveLight state={liveState.value} />
        <ThemeChoice />
        <button
          type="button"
          class="quiet"
          title="Keyboard shortcuts ( ? )"
          aria-label="Keyboard shortcuts"
          onClick={onHelp}
        >
          ?
        </button>
      </div>
    </aside>
  )
}

const liveTexts: Readonly<Record<StreamState, string>> = {
  connecting: 'Connecting',
  open: 'Live',
  waiting: 'Reconnecting',
  refused: 'Not live',
}

function LiveLight({ state }: { state: StreamState }) {
  return (
    <span class={`live is-${state}`} role="status">
      <i />
      {liveTexts[state]}
    </span>
  )
}

const themeSigns = { system: '◐', light: '☀', dark: '☾' } as const

function ThemeChoice() {
  const [theme, setTheme] = useState(storedTheme)
  const next = themes[(themes.indexOf(theme) + 1) % themes.length]
  const change = () => {
    chooseTheme(next)
    setTheme(next)
  }
  useShortcut('d', 'Light, dark, or as the system', change)
  return (
    <button type="button" class="quiet" title={`Theme: ${theme} ( d )`} aria-label={`Theme: ${theme}`} onClick={change}>
      {themeSigns[theme]}
    </button>
  )
}

function TokenEntry() {
  const [token, setToken] = useState('')
  return (
    <Dialog
      title="The broker asks for a token"
      action="Go on"
      isReady={token.trim() !== ''}
      onAction={() => enterToken(token.trim())}
      onClose={() => {
        tokenWanted.value = false
      }}
    >
      <label class="field">
        Token
        <input
          type="password"
          autocomplete="current-password"
          value={token}
          onInput={(event) => setToken(event.currentTarget.value)}
        />
        <small>It was given to the broker at its start. It is kept in this tab until it is closed.</small>
      </label>
    </Dialog>
  )
}

/** A page that fails takes nothing but itself down. */
class PageGuard extends Component<{ readonly children: ComponentChildren }, { readonly error?: unknown }> {
  static override getDerivedStateFromError(error: unknown): { readonly error: unknown } {
    return { error }
  }

  override render() {
    if (this.state.error === undefined) return this.props.children
    return <Failure error={this.state.error} retry={() => this.setState({ error: undefined })} />
  }
}
