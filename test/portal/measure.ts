// `npm run portal:measure`: the figures that the portal promises, of a hub that it starts: first paint, the
// delay of interactions, frames and memory of the live board. `--minutes 10` is the whole run; 1 by default.

import { spawn } from 'node:child_process'
import { rmSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { setTimeout as pause } from 'node:timers/promises'
import type { CDPSession, Page } from 'playwright-core'
import { launch } from './chromium.ts'
import { startLoad } from './load.ts'
import { framesOf, heapOf, slopeOf, watchInteractions } from './figures.ts'

const { values } = parseArgs({ options: { minutes: { type: 'string', default: '1' } } })
const minutes = Number(values.minutes)
const root = fileURLToPath(new URL('../..', import.meta.url))
const data = `${root}.data/portal-measure`
rmSync(data, { recursive: true, force: true })

const hub = spawn(process.execPath, [`${root}gateway/main.ts`], {
  env: { PATH: process.env.PATH, PORT: '0', TRAFFIC: '0', SCALE: '0.0002', DATA_DIR: data },
  stdio: ['ignore', 'pipe', 'inherit'],
})
const url = await new Promise<string>((resolve, reject) => {
  hub.once('exit', (code) => reject(new Error(`the hub ended with ${code}`)))
  createInterface({ input: hub.stdout }).on('line', (line) => {
    const found = /ready at (\S+)/.exec(line)?.[1]
    if (found) resolve(found)
  })
})
const browser = await launch()

async function open(path: string, key: string | null): Promise<{ page: Page; session: CDPSession }> {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, locale: 'en-GB' })
  const page = await context.newPage()
  if (key) await page.addInitScript((text) => sessionStorage.setItem('crossgate.key', text), key)
  await watchInteractions(page)
  await page.goto(url + path, { waitUntil: 'load' })
  await page.locator('main h1').waitFor()
  return { page, session: await context.newCDPSession(page) }
}

async function firstPaints(): Promise<string> {
  const paints: number[] = []
  for (let n = 0; n < 7; n++) {
    const { page } = await open('/', null)
    const paint = await page.evaluate(async () => {
      const found = performance.getEntriesByName('first-contentful-paint')[0]
      if (found) return found.startTime
      return new Promise<number>((resolve) =>
        new PerformanceObserver((list) => resolve(list.getEntries()[0]!.startTime)).observe({
          type: 'paint',
        }),
      )
    })
    paints.push(paint)
    await page.context().close()
  }
  const sorted = paints.toSorted((a, b) => a - b).map(Math.round)
  return `median ${sorted[3]} ms, largest ${sorted.at(-1)} ms of 7 with an empty cache`
}

/** Uses the board while it runs at 200 events/s. */
async function interactions(): Promise<string> {
  const { page } = await open('/live', 'demo-operator')
  const load = startLoad(url, 'demo-wallet', 200 / 3)
  await pause(3_000)
  for (let n = 0; n < 5; n++) {
    await page.getByRole('button', { name: /^Pause/ }).click()
    await pause(400)
    await page.getByRole('button', { name: /^Resume/ }).click()
    await page.getByLabel('Status').selectOption('COMPLETED')
    await pause(400)
    await page.getByLabel('Status').selectOption('')
    await page.keyboard.press('Tab')
  }
  const delays = await page.evaluate(() => globalThis.interactions)
  await load.close()
  await page.context().close()
  const sorted = delays.toSorted((a, b) => a - b)
  return `${sorted.length} interactions over 16 ms, largest ${sorted.at(-1) ?? 0} ms`
}

/** Runs the board at 2,000 events/s, or at what the hub reaches here. */
async function rush(): Promise<string> {
  const { page } = await open('/live', 'demo-operator')
  const load = startLoad(url, 'demo-wallet', 2_000 / 3)
  await pause(4_000)
  const before = load.taken()
  const frames = await framesOf(page, 15_000)
  const perSecond = (3 * (load.taken() - before)) / 15
  await load.close()
  const note = await page.locator('.note').textContent()
  await page.context().close()
  return `${Math.round(perSecond)} events/s: ${frames.text}; ${note}`
}

async function memory(): Promise<string> {
  const { page, session } = await open('/live', 'demo-operator')
  const load = startLoad(url, 'demo-wallet', 200 / 3)
  await pause(10_000)
  const heaps: [minutes: number, megabytes: number][] = []
  const startedAt = performance.now()
  const before = load.taken()
  while (performance.now() - startedAt < minutes * 60_000) {
    heaps.push([(performance.now() - startedAt) / 60_000, (await heapOf(session)) / 2 ** 20])
    await pause(Math.max(2_000, minutes * 1_500))
  }
  const perSecond = (3_000 * (load.taken() - before)) / (performance.now() - startedAt)
  await load.close()
  await page.context().close()
  const megabytes = heaps.map(([, each]) => each)
  const slope = slopeOf(heaps)
  return (
    `${minutes} min at ${Math.round(perSecond)} events/s, ${heaps.length} readings: ` +
    `${Math.min(...megabytes).toFixed(1)}–${Math.max(...megabytes).toFixed(1)} MB after collection, ` +
    `slope ${slope.toFixed(3)} MB/min`
  )
}

try {
  console.log('first contentful paint:', await firstPaints())
  console.log('interaction to next paint at 200 events/s:', await interactions())
  console.log('live board under load:', await rush())
  console.log('memory of the live board:', await memory())
} finally {
  await browser.close()
  hub.kill('SIGTERM')
}
