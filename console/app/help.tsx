/** What the keyboard can do on the page that is shown. */

import { Dialog } from '../components/dialog.js'
import { type Shortcut, shortcuts } from './shortcuts.js'

export function ShortcutHelp({ onClose }: { onClose: () => void }) {
  const all = shortcuts.value
  const ways = all.filter(({ keys }) => keys.startsWith('g '))
  const others = all.filter(({ keys }) => !keys.startsWith('g '))
  return (
    <Dialog title="Keyboard" onClose={onClose}>
      <div class="shortcuts">
        <ShortcutList title="Go to" of={ways} />
        <ShortcutList title="On this page" of={others} />
      </div>
    </Dialog>
  )
}

function ShortcutList({ title, of }: { title: string; of: readonly Shortcut[] }) {
  return (
    <div>
      <h3>{title}</h3>
      <dl>
        {of.map(({ keys, help }) => (
          <div key={keys}>
            <dt>
              {keys.split(' ').map((key) => (
                <kbd key={key}>{key}</kbd>
              ))}
            </dt>
            <dd>{help}</dd>
          </div>
        ))}
      </dl>
    </div>
  )
}
