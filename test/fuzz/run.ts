// Fuzzes a running demo hub: npm run fuzz -- http://127.0.0.1:4000 --times 200 --seed 1 --pid PID
// With the process id of the hub, the time on a processor of each request is checked too (Linux).
// npm run fuzz -- schemathesis http://127.0.0.1:4000 lets schemathesis make the operations.

import { parseArgs } from 'node:util'
import { fuzz, roles } from './fuzz.ts'
import { runSchemathesis } from './schemathesis.ts'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    times: { type: 'string', default: '200' },
    seed: { type: 'string', default: '1' },
    pid: { type: 'string' },
    command: { type: 'string', default: 'schemathesis' },
  },
})
if (positionals[0] === 'schemathesis') {
  const [, url = 'http://127.0.0.1:4000'] = positionals
  const { times, seed, command } = values
  const options = { url, times: Number(times), seed: Number(seed), command }
  const failed = runSchemathesis({ ...options, keys: roles })
  console.log(failed.length === 0 ? 'no faults' : `faults with ${failed.join(', ')}`)
  process.exit(failed.length === 0 ? 0 : 1)
}
const startedAt = performance.now()
const { requests, operations, slowestMs, faults } = await fuzz({
  url: positionals[0] ?? 'http://127.0.0.1:4000',
  times: Number(values.times),
  seed: Number(values.seed),
  pid: values.pid === undefined ? null : Number(values.pid),
})
for (const fault of faults) console.log(fault)
const seconds = ((performance.now() - startedAt) / 1000).toFixed(0)
console.log(
  `${requests} requests to ${operations} operations in ${seconds} s, slowest ${slowestMs.toFixed(1)} ms, ${faults.length} faults`,
)
if (faults.length > 0) process.exitCode = 1
