// Checks that a database is true, while hubs run over it: npm run verify

import { parseArgs } from 'node:util'
import type { Check } from '../verify/check.ts'
import { verify } from '../verify/verify.ts'
import { findDatabase } from './run.ts'

const usage = `usage: npm run verify
Reads the database MONGODB_DATABASE at MONGODB_URI or, when that is not set, the one of the hub that runs in
DATA_DIR, and compares everything that is derived or limited with a recount: one line a check. Hubs may run.
It needs read access only. The exit status is 1 when a check fails: see docs/operating.md.`

try {
  const { values } = parseArgs({ options: { help: { type: 'boolean', short: 'h' } } })
  if (values.help) console.log(usage)
  else await run()
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
}

async function run(): Promise<void> {
  const { uri, database } = findDatabase()
  const startedAt = performance.now()
  const checks = await verify(uri, database)
  for (const check of checks) print(check)
  const failed = checks.filter((check) => check.failed > 0).length
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1)
  console.log(`${checks.length - failed} of ${checks.length} checks passed in ${seconds} s`)
  if (failed > 0) process.exitCode = 1
}

function print({ name, claim, checked, failed, violations }: Check): void {
  const verdict = failed > 0 ? `FAILED ${failed}` : 'ok'
  console.log(`${name.padEnd(10)} ${verdict.padEnd(10)} ${String(checked).padStart(9)}  ${claim}`)
  for (const violation of violations) console.log(`${' '.repeat(11)}${violation}`)
  if (failed > violations.length) console.log(`${' '.repeat(11)}and ${failed - violations.length} more`)
}
