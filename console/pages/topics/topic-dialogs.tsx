/** What cannot be taken back: more partitions, and deletion, which wants the name to be typed. */

import { useState } from 'preact/hooks'
import type { TopicDetail } from '../../../src/console/api-types.js'
import { apiPath, change } from '../../api/client.js'
import { go } from '../../app/router.js'
import { Dialog } from '../../components/dialog.js'
import { toast } from '../../components/toasts.js'
import { bytes, count, plural } from '../../format.js'

interface GrowTopicProps {
  readonly topic: TopicDetail
  readonly onDone: (detail: TopicDetail) => void
  readonly onClose: () => void
}

export function GrowTopic({ topic, onDone, onClose }: GrowTopicProps) {
  const [text, setText] = useState(String(topic.partitions + 1))
  const partitions = Number(text)
  const grow = async () => {
    onDone(await change<TopicDetail>('POST', apiPath('topics', topic.name, 'partitions'), { partitions }))
    toast(`${topic.name} has ${plural(partitions, 'partition')}`)
  }
  return (
    <Dialog
      title={`Add partitions to ${topic.name}`}
      action="Add"
      isReady={Number.isInteger(partitions) && partitions > topic.partitions}
      onAction={grow}
      onClose={onClose}
    >
      <label class="field">
        Partitions in all
        <input
          type="number"
          min={topic.partitions + 1}
          value={text}
          onInput={(event) => setText(event.currentTarget.value)}
        />
        <small>
          Now {count(topic.partitions)}. They cannot become fewer again. New messages with a key may go to another
          partition than older ones with the same key.
        </small>
      </label>
    </Dialog>
  )
}

export function DeleteTopic({ topic, onClose }: { topic: TopicDetail; onClose: () => void }) {
  const [typed, setTyped] = useState('')
  const remove = async () => {
    await change('DELETE', apiPath('topics', topic.name))
    toast(`Deleted ${topic.name}`)
    go('#/topics')
  }
  return (
    <Dialog
      title={`Delete ${topic.name}`}
      action="Delete for ever"
      isDangerous
      isReady={typed === topic.name}
      onAction={remove}
      onClose={onClose}
    >
      <p>
        {plural(topic.messages, 'message')} in {plural(topic.partitions, 'partition')}, {bytes(topic.sizeInBytes)}, will
        be gone for ever.
      </p>
      <label class="field spaced">
        Type the topic's name to go on
        <input
          value={typed}
          spellcheck={false}
          autocomplete="off"
          placeholder={topic.name}
          onInput={(event) => setTyped(event.currentTarget.value)}
        />
      </label>
    </Dialog>
  )
}
