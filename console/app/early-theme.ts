/** Runs before the first paint, as a script of its own, so that a chosen theme does not flash in after the other one. */

import { applyStoredTheme } from './theme.js'

applyStoredTheme()
