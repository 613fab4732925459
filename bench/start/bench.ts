// Measures `npm start`: the first start, which loads the 1 % data set, later starts, and the memory of an
// idle hub.

import { readFileSync, rmSync } from 'node:fs'
import { setTimeout as wait } from 'node:timers/promises'
import { nodeOptions, serve, type Server } from '../load.ts'
import { median } from '../measure.ts'
import { report, row } from '../report.ts'

const folder = new URL('../../.data/bench-start', import.meta.url).pathname
const idleMs = 20_000

export async function bench(): Promise<void> {
  rmSync(folder, { recursive: true, force: true })
  const first = await start()
  await first.hub.close()
  const laterStarts: number[] = []
  for (let n = 0; n < 5; n += 1) {
    const { hub, tookMs } = await start()
    laterStarts.push(tookMs)
    await hub.close()
  }
  const { hub } = await start()
  await wait(idleMs)
  const memory = residentMb(hub.pid)
  await hub.close()
  rmSync(folder, { recursive: true, force: true })
  report('start', [
    row('first start to ready, 1 % loaded', first.tookMs / 1000, 's', null, '< 20'),
    row('later start to ready (median of 5)', median(laterStarts) / 1000, 's', null, '< 4'),
    row(`resident memory of the hub, ${idleMs / 1000} s idle`, memory, 'MB', null, '< 250'),
  ])
}

/** Starts a hub, and measures the time from spawning the process until `/readyz` reports ready. */
async function start(): Promise<{ hub: Server; tookMs: number }> {
  const startedAt = performance.now()
  const settings = {
    ...nodeOptions,
    DATA_DIR: folder,
    PORT: '0',
    TRAFFIC: '0',
    OFFERS: 'off',
    LOG_LEVEL: 'warn',
  }
  const hub = await serve('hub', new URL('../../gateway/main.ts', import.meta.url), [], settings)
  const { status } = await fetch(`${hub.url}/readyz`)
  if (status !== 200) throw new Error(`/readyz returned ${status} after the hub had reported ready`)
  return { hub, tookMs: performance.now() - startedAt }
}

/** The resident memory of the hub without its mongod, which is another process. */
function residentMb(pid: number): number {
  const [, kilobytes] = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))!
  return Number(kilobytes) / 1024
}
