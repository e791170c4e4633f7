/** The raw loop as a contender: the floor of every case that appends. */

import { join } from 'node:path'
import type { Contender, Options } from '../harness/contender.js'
import { RawLoop } from '../raw-loop.js'
import { type AppendOptions, appending } from './appending.js'

interface RawOptions extends AppendOptions {
  readonly dsync: boolean
  readonly fillBytes?: number
  /** Each block begins with an empty file, so that a long run needs no more disk than a block. */
  readonly emptied?: boolean
}

export async function start(given: Options): Promise<Contender> {
  const options = given as unknown as RawOptions
  const loop = await RawLoop.open(join(options.directory, 'raw.log'), options)
  return appending(options, {
    info: { fillMs: loop.fillMs },
    prepare: async () => (options.emptied ? loop.empty() : undefined),
    append: (payload) => loop.append(payload),
    counts: () => ({ rounds: loop.rounds }),
    close: () => loop.close(),
  })
}
