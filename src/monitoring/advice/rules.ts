/** All rules of advice. docs/operations.md lists them, and a test holds the two together. */

import { diskRules } from './disk-rules.js'
import { flushRules } from './flush-rules.js'
import { hostRules } from './host-rules.js'
import { loadRules } from './load-rules.js'
import { logRules } from './log-rules.js'
import type { Rule } from './rule.js'

export const rules: readonly Rule[] = [...logRules, ...flushRules, ...diskRules, ...loadRules, ...hostRules]
