// Fuzzes a demo hub: npm run fuzz -- --times 200 --seed 1
// npm run fuzz -- schemathesis lets schemathesis make the operations. Both start a hub; with --url and --pid
// they use one that runs. The time on a processor of each request is read from /proc (Linux).

import { parseArgs } from 'node:util'
import { fuzz } from './fuzz.ts'
import { startHub } from './hub.ts'
import { runSchemathesis } from './schemathesis.ts'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    times: { type: 'string', default: '200' },
    seed: { type: 'string', default: '1' },
    url: { type: 'string' },
    pid: { type: 'string' },
    command: { type: 'string', default: 'schemathesis' },
  },
})
const given = values.url === undefined ? null : { url: values.url, pid: Number(values.pid) || null }
const hub = given ?? (await startHub())
const options = {
  url: hub.url,
  pid: process.platform === 'linux' ? hub.pid : null,
  times: Number(values.times),
  seed: Number(values.seed),
}
const startedAt = performance.now()
const { requests, slowestMs, faults } =
  positionals[0] === 'schemathesis'
    ? await runSchemathesis({ ...options, command: values.command })
    : await fuzz(options)
for (const fault of faults) console.log(fault)
const seconds = ((performance.now() - startedAt) / 1000).toFixed(0)
console.log(
  `${requests} requests in ${seconds} s, slowest ${slowestMs.toFixed(1)} ms, ${faults.length} faults`,
)
if ('close' in hub) await hub.close()
process.exit(faults.length > 0 ? 1 : 0)
