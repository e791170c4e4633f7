/** The state of a group, as Kafka names it, with what it means. */

import { Badge, type Tone } from '../components/small.js'

const known: Readonly<Record<string, readonly [Tone, string]>> = {
  stable: ['good', 'Its members read what was assigned to them.'],
  empty: ['plain', 'No members; the offsets are kept.'],
  preparingrebalance: ['warn', 'Its members are being asked to join anew.'],
  completingrebalance: ['warn', 'Its partitions are being shared out anew.'],
  dead: ['bad', 'It has no members and no offsets.'],
}

export function GroupState({ state }: { state: string }) {
  const [tone, help] = known[state.toLowerCase().replace(/[^a-z]/g, '')] ?? ['plain', '']
  return (
    <Badge tone={tone} title={help}>
      {state}
    </Badge>
  )
}
