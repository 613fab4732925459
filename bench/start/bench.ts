// What `npm start` costs: the first start, which loads the 1 % data set, later starts, and memory once it is idle.

import { readFileSync, rmSync } from 'node:fs'
import { setTimeout as wait } from 'node:timers/promises'
import { serve, type Server } from '../load.ts'
import { median } from '../measure.ts'
import { report, row } from '../report.ts'

const folder = new URL('../../.data/bench-start', import.meta.url).pathname
const idleMs = 20_000

export async function bench(): Promise<void> {
  rmSync(folder, { recursive: true, force: true })
  const first = await start()
  await first.hub.stop()
  const again: number[] = []
  for (let n = 0; n < 5; n += 1) {
    const { hub, tookMs } = await start()
    again.push(tookMs)
    await hub.stop()
  }
  const { hub } = await start()
  await wait(idleMs)
  const memory = residentMb(hub.pid)
  await hub.stop()
  rmSync(folder, { recursive: true, force: true })
  report('start', [
    row('first start to ready, 1 % loaded', first.tookMs / 1000, 's', null, '< 20'),
    row('later start to ready (median of 5)', median(again) / 1000, 's', null, '< 4'),
    row(`resident memory of the hub, ${idleMs / 1000} s idle`, memory, 'MB', null, '< 250'),
  ])
}

/** From spawning the process to `/readyz` saying so. */
async function start(): Promise<{ hub: Server; tookMs: number }> {
  const startedAt = performance.now()
  const settings = { DATA_DIR: folder, PORT: '0', TRAFFIC: '0', LOG_LEVEL: 'warn' }
  const hub = await serve('hub', new URL('../../gateway/main.ts', import.meta.url), [], settings)
  const { status } = await fetch(`${hub.url}/readyz`)
  if (status !== 200) throw new Error(`/readyz answered ${status} after the hub said that it was ready`)
  return { hub, tookMs: performance.now() - startedAt }
}

/** Of the process alone: its mongod is another one. */
function residentMb(pid: number): number {
  const [, kilobytes] = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))!
  return Number(kilobytes) / 1024
}
