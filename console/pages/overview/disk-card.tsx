/** The disk: how full, by whom, and when it will be full. */

import type { DiskFigures } from '../../../src/console/api-types.js'
import { Card, Facts } from '../../components/small.js'
import { bytes, fromNow, percent } from '../../format.js'

export function DiskCard({ disk }: { disk: DiskFigures }) {
  const { totalBytes, freeBytes, storeBytes, usedRatio, growthBytesPerHour, fullAtMs } = disk
  const others = Math.max(0, totalBytes - freeBytes - storeBytes)
  return (
    <Card title="Disk" aside={<code title={disk.path}>{disk.path}</code>}>
      <div class="disk-bar" role="img" aria-label={`${percent(usedRatio)} of the disk are used`}>
        <i class="is-store" style={{ width: share(storeBytes, totalBytes) }} />
        <i class="is-others" style={{ width: share(others, totalBytes) }} />
      </div>
      <p class="disk-key">
        <span>
          <i class="is-store" /> store {bytes(storeBytes)}
        </span>
        <span>
          <i class="is-others" /> others {bytes(others)}
        </span>
        <span>
          <i /> free {bytes(freeBytes)}
        </span>
      </p>
      <Facts
        of={[
          ['Used', percent(usedRatio)],
          ['Growth', growthBytesPerHour > 0 ? `${bytes(growthBytesPerHour)}/h` : 'none'],
          ['Full', fullAtMs === null ? 'not foreseeable' : fromNow(fullAtMs)],
        ]}
      />
    </Card>
  )
}

function share(part: number, whole: number): string {
  return `${whole > 0 ? Math.min(100, (part / whole) * 100) : 0}%`
}
