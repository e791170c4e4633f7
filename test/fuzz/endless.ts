/** A program in which one input never ends; what it writes about that goes into the directory of its argument. */

import { watchdog } from '../../fuzz/watch.js'

const watch = watchdog(process.argv[2])({ name: 'endless' })
// The thread beside must be there before this one gives it no more room.
setTimeout(() => {
  watch(Buffer.from([1, 0, 7]))
  for (;;);
}, 500)
