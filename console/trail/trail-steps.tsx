/** What became of a message, one step after the other, each with how it is known. */

import type { ComponentChildren } from 'preact'
import type { Trail } from '../../src/console/api-types.js'
import { href } from '../app/router.js'
import { Badge, CopyButton, type Tone } from '../components/small.js'
import { bytes, count, dateTime, fromNow, milliseconds, none, plural } from '../format.js'
import { visible } from '../messages/bytes.js'

export function TrailSteps({ of }: { of: Trail }) {
  const { message } = of
  return (
    <ol class="trail" aria-label="What became of the message">
      <Step title="Sent" tone="good">
        <p>
          {dateTime(message.timestamp)} <span class="quiet-text">({fromNow(message.timestamp)}, by its timestamp)</span>
        </p>
        <Sender of={of} />
      </Step>
      <Step title="Stored" tone="good">
        <Place of={of} />
      </Step>
      <Durable of={of} />
      <Committed of={of} />
      <Step title="Copies" tone={of.replicas > 0 ? 'good' : 'plain'}>
        <p>{of.replicas > 0 ? `On ${plural(of.replicas, 'other machine')}.` : 'On this machine alone.'}</p>
      </Step>
      <Readers of={of} />
      <Step title="Kept" tone="plain">
        <p>
          {of.removableAtMs === null
            ? 'Until further notice: by its settings the topic gives nothing away that can be foreseen.'
            : `Until ${dateTime(of.removableAtMs)} (${fromNow(of.removableAtMs)}) at least.`}
        </p>
      </Step>
    </ol>
  )
}

function Step({ title, tone, children }: { title: string; tone: Tone; children: ComponentChildren }) {
  return (
    <li class={`is-${tone}`}>
      <h3>{title}</h3>
      {children}
    </li>
  )
}

function Sender({ of: { place, messageId } }: { of: Trail }) {
  const { producerId, producerEpoch } = place.batch
  return (
    <>
      <p class="quiet-text">
        {producerId === null
          ? 'By a producer without an id.'
          : `By producer ${producerId}, epoch ${producerEpoch ?? none}: a second copy of it would have been known as one.`}
      </p>
      {messageId !== null && (
        <p>
          Message id <code>{visible(messageId)}</code> <CopyButton text={messageId} />
        </p>
      )}
    </>
  )
}

function Place({ of: { place } }: { of: Trail }) {
  const { file, position, sizeInBytes, layout, batch } = place
  const inBatch = batch.lastOffset - batch.baseOffset + 1
  return (
    <>
      <p>
        <code class="trail-file">{file}</code> <CopyButton text={file} />
      </p>
      <p>
        from byte {count(position)} to {count(position + sizeInBytes)} ({bytes(sizeInBytes)})
      </p>
      <p class="quiet-text">
        {layout === 'commitlog' ? 'In the commit log' : 'In a segment of its partition'}, in a batch of{' '}
        {plural(inBatch, 'message')}
        {inBatch > 1 && ` (offsets ${count(batch.baseOffset)} to ${count(batch.lastOffset)})`}
        {batch.codec !== 'none' && `, compressed with ${batch.codec}`}.
      </p>
    </>
  )
}

function Durable({ of: { durable, flush } }: { of: Trail }) {
  if (!durable) {
    return (
      <Step title="Not durable yet" tone="warn">
        <p>It lies in the page cache: a crash of the process keeps it, the loss of power does not.</p>
      </Step>
    )
  }
  return (
    <Step title="Durable" tone="good">
      {flush ? (
        <p>
          Since {dateTime(flush.timeMs)}, by a flush of {plural(flush.messages, 'message')} that took{' '}
          {milliseconds(flush.durationMs)}.
        </p>
      ) : (
        <p>
          On stable storage. <span class="quiet-text">The flush is too long ago to be remembered.</span>
        </p>
      )}
    </Step>
  )
}

function Committed({ of: { committedState, place } }: { of: Trail }) {
  if (committedState === 'aborted') {
    return (
      <Step title="Taken back" tone="bad">
        <p>Its transaction was aborted. Readers of committed messages never see it.</p>
      </Step>
    )
  }
  if (committedState === 'open') {
    return (
      <Step title="Undecided" tone="warn">
        <p>Its transaction is still open. Readers of committed messages wait for its end.</p>
      </Step>
    )
  }
  return (
    <Step title="Visible" tone="good">
      <p>
        {place.batch.transactional
          ? 'Its transaction was committed.'
          : 'To every reader; it belongs to no transaction.'}
      </p>
    </Step>
  )
}

function Readers({ of: { groups, offset } }: { of: Trail }) {
  const passed = groups.filter(({ hasPassed }) => hasPassed).length
  const tone = groups.length > 0 && passed === groups.length ? 'good' : 'plain'
  return (
    <Step title={`Read by ${passed} of ${plural(groups.length, 'group')}`} tone={tone}>
      {groups.length === 0 && <p class="quiet-text">No group has committed an offset in this partition.</p>}
      <ul class="trail-groups">
        {groups.map(({ id, committed, hasPassed }) => (
          <li key={id}>
            <a href={href(['groups', id])}>{visible(id)}</a>{' '}
            <Badge tone={hasPassed ? 'good' : 'warn'}>{readingText(hasPassed, offset - committed)}</Badge>
          </li>
        ))}
      </ul>
    </Step>
  )
}

function readingText(hasPassed: boolean, before: number): string {
  if (hasPassed) return 'has read past it'
  return before <= 0 ? 'reads it next' : `${plural(before, 'message')} before it`
}
