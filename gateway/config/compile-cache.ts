// What V8 compiled in the last run: with it, loading takes half as long. Other processes, and their threads,
// take it from `NODE_COMPILE_CACHE`.

import { fileURLToPath } from 'node:url'

export const compileCacheDir = fileURLToPath(new URL('../../node_modules/.cache/crossgate', import.meta.url))
