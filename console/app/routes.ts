/** Every page there is: its address, its name, and its place in the navigation. */

import type { FunctionComponent } from 'preact'
import { OverviewPage } from '../pages/overview.js'
import type { Params } from './router.js'

export interface Route {
  /** `/topics/:topic`: what `:topic` stands for is handed to the page. */
  readonly pattern: string
  readonly title: (params: Params) => string
  readonly page: FunctionComponent<{ readonly params: Params }>
}

export interface NavigationEntry {
  readonly path: string
  readonly text: string
  /** Typed after `g`. */
  readonly key: string
}

export const navigation: readonly NavigationEntry[] = [{ path: '/', text: 'Overview', key: 'o' }]

export const routes: readonly Route[] = [{ pattern: '/', title: () => 'Overview', page: OverviewPage }]
