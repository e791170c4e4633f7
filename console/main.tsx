/** Where the pages begin. */

import '@preact/signals'
import { render } from 'preact'
import { Layout } from './app/layout.js'

const root = document.getElementById('app')
if (root) render(<Layout />, root)
