// Builds the portal once before the tests of the project `browser`, when its sources have changed.

import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

export default function setUp(): void {
  execFileSync(process.execPath, [fileURLToPath(new URL('../../portal/build.ts', import.meta.url))], {
    stdio: 'inherit',
  })
}
