// `npm run portal:shots`: pictures of every page in both themes, of a demo hub that it starts.

import { spawn } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { Page } from 'playwright-core'
import { launch } from './chromium.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const folder = `${root}docs/images/portal`

interface Shot {
  readonly name: string
  readonly path: string
  readonly key: string | null
  readonly width?: number
  readonly height?: number
  readonly language?: 'zh'
  /** What happens before the picture. */
  readonly act?: (page: Page) => Promise<void>
}

async function payInSandbox(page: Page): Promise<void> {
  await page.getByRole('button', { name: 'Issue code' }).click()
  await page.getByRole('button', { name: 'Scan the code of the till' }).click()
  await page.getByRole('button', { name: /^Pay/ }).waitFor()
}

async function openPayment(page: Page): Promise<void> {
  await page.locator('tbody a').first().click()
  await page.getByRole('heading', { name: 'Timeline' }).waitFor()
}

async function watch(page: Page): Promise<void> {
  await page.locator('tbody a').nth(8).waitFor()
}

const shots: readonly Shot[] = [
  { name: 'start', path: '/', key: null },
  { name: 'sandbox', path: '/sandbox', key: 'demo-wallet', act: payInSandbox },
  { name: 'coverage', path: '/coverage', key: 'demo-portal' },
  { name: 'coverage-city', path: '/coverage?at=31.2,121.45,10.4', key: 'demo-portal' },
  { name: 'live', path: '/live', key: 'demo-operator', act: watch },
  { name: 'payments', path: '/payments', key: 'demo-operator', height: 780 },
  { name: 'payments-zh', path: '/payments', key: 'demo-operator', height: 780, language: 'zh' },
  { name: 'payment', path: '/payments?outcome=SUCCEEDED', key: 'demo-operator', act: openPayment },
  { name: 'corridors', path: '/corridors', key: 'demo-operator' },
  { name: 'corridor', path: '/corridors/SG-CN', key: 'demo-operator' },
  { name: 'operator', path: '/operator', key: 'demo-operator' },
  { name: 'operator-settlement', path: '/operator?tab=settlement', key: 'demo-operator' },
  { name: 'developers', path: '/developers?tab=codes', key: 'demo-wallet' },
  { name: 'sandbox-phone', path: '/sandbox', key: 'demo-wallet', width: 390 },
  { name: 'coverage-zh', path: '/coverage?at=31.2,121.45,10.4', key: 'demo-portal', language: 'zh' },
]

const hub = spawn(process.execPath, [`${root}gateway/main.ts`], {
  env: { PATH: process.env.PATH, PORT: '0', TRAFFIC: '2', SCALE: '0.002', DATA_DIR: `${root}.data/shots` },
  stdio: ['ignore', 'pipe', 'inherit'],
})
const url = await new Promise<string>((resolve) => {
  createInterface({ input: hub.stdout }).on('line', (line) => {
    const found = /ready at (\S+)/.exec(line)?.[1]
    if (found) resolve(found)
  })
})
mkdirSync(folder, { recursive: true })
const browser = await launch()
for (const shot of shots) {
  for (const theme of ['light', 'dark'] as const) await take(shot, theme)
}
await browser.close()
hub.kill('SIGTERM')

async function take(
  { name, path, key, width = 1440, height = width < 600 ? 844 : 900, language, act }: Shot,
  theme: 'light' | 'dark',
): Promise<void> {
  const context = await browser.newContext({
    viewport: { width, height },
    colorScheme: theme,
    locale: 'en-GB',
  })
  const page = await context.newPage()
  await page.addInitScript(
    ([stored, chosen]) => {
      if (stored) sessionStorage.setItem('crossgate.key', stored)
      if (chosen) localStorage.setItem('crossgate.language', chosen)
    },
    [key, language ?? null] as const,
  )
  await page.goto(url + path, { waitUntil: 'networkidle' })
  await page.locator('main h1').waitFor()
  await page.locator('.state.loading').waitFor({ state: 'detached' })
  await act?.(page)
  await page.screenshot({ path: `${folder}/${name}-${theme}.png` })
  await context.close()
}
