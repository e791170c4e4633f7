/** Every page there is: its address, its name, and its place in the navigation. */

import type { FunctionComponent } from 'preact'
import { GroupPage } from '../pages/group.js'
import { GroupsPage } from '../pages/groups.js'
import { MessagesPage } from '../pages/messages.js'
import { OverviewPage } from '../pages/overview.js'
import { ReportsPage } from '../pages/reports.js'
import { SettingsPage } from '../pages/settings.js'
import { StoragePage } from '../pages/storage.js'
import { CommitLogPage, PartitionLogPage } from '../pages/stored-log.js'
import { TopicPage } from '../pages/topic.js'
import { TopicsPage } from '../pages/topics.js'
import { TrailPage } from '../pages/trail.js'
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

export const navigation: readonly NavigationEntry[] = [
  { path: '/', text: 'Overview', key: 'o' },
  { path: '/topics', text: 'Topics', key: 't' },
  { path: '/groups', text: 'Groups', key: 'g' },
  { path: '/trail', text: 'Trail', key: 'f' },
  { path: '/storage', text: 'Storage', key: 's' },
  { path: '/settings', text: 'Settings', key: 'e' },
  { path: '/reports', text: 'Reports', key: 'r' },
]

/** The first that fits is shown. */
export const routes: readonly Route[] = [
  { pattern: '/', title: () => 'Overview', page: OverviewPage },
  { pattern: '/topics', title: () => 'Topics', page: TopicsPage },
  { pattern: '/topics/:topic', title: ({ topic }) => topic, page: TopicPage },
  { pattern: '/topics/:topic/messages', title: ({ topic }) => `Messages of ${topic}`, page: MessagesPage },
  { pattern: '/groups', title: () => 'Groups', page: GroupsPage },
  { pattern: '/groups/:group', title: ({ group }) => `Group ${group}`, page: GroupPage },
  { pattern: '/trail', title: () => 'Trail of a message', page: TrailPage },
  { pattern: '/storage', title: () => 'Storage', page: StoragePage },
  { pattern: '/storage/commitlog', title: () => 'Commit log', page: CommitLogPage },
  {
    pattern: '/storage/:topic/:partition',
    title: ({ topic, partition }) => `${topic}-${partition}`,
    page: PartitionLogPage,
  },
  { pattern: '/settings', title: () => 'Settings', page: SettingsPage },
  { pattern: '/reports', title: () => 'Reports', page: ReportsPage },
]
