// `npm run portal:shots`: pictures of every page in both themes, of a demo hub that it starts.
// `--review` writes each page whole, with each pair of a language, a theme and a width, to
// `.data/portal-review`. `--only NAME` takes one page.

import { spawn } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import type { BrowserContext, Page } from 'playwright-core'
import { en, type Words } from '../../portal/app/words/en.ts'
import { zh } from '../../portal/app/words/zh.ts'
import buildPortal from './build.ts'
import { launch } from './chromium.ts'

const { values } = parseArgs({
  options: { review: { type: 'boolean', default: false }, only: { type: 'string' } },
})
const root = fileURLToPath(new URL('../..', import.meta.url))
const folder = values.review ? `${root}.data/portal-review` : `${root}docs/images/portal`
const languages = { en, zh }

interface Form {
  readonly suffix: string
  readonly width: number
  readonly language: keyof typeof languages
  readonly theme: 'light' | 'dark'
}

interface Shot {
  readonly name: string
  readonly path: string
  readonly key: string | null
  readonly height?: number
  /** The forms of it that the documentation has. */
  readonly kept?: readonly Form[]
  /** What happens before the picture. */
  readonly act?: (page: Page, words: Words) => Promise<void>
}

const formsOf = (width: number, language: Form['language'], mark: string): readonly Form[] =>
  (['light', 'dark'] as const).map((theme) => ({ suffix: `${mark}-${theme}`, width, language, theme }))
const wide = formsOf(1440, 'en', '')
const phone = formsOf(390, 'en', '-phone')
const chinese = formsOf(1440, 'zh', '-zh')
/** Each pair of a width, a language and a theme. */
const reviewed: readonly Form[] = [
  { suffix: '-1440-en-light', width: 1440, language: 'en', theme: 'light' },
  { suffix: '-1440-zh-dark', width: 1440, language: 'zh', theme: 'dark' },
  { suffix: '-390-en-dark', width: 390, language: 'en', theme: 'dark' },
  { suffix: '-390-zh-light', width: 390, language: 'zh', theme: 'light' },
]

const press = (page: Page, name: string | RegExp): Promise<void> =>
  page.getByRole('button', { name }).first().click()

async function scanCode(page: Page, { sandbox }: Words): Promise<void> {
  await press(page, sandbox.issue)
  await press(page, sandbox.scan)
  await page.getByRole('button', { name: new RegExp(`^${sandbox.pay} ·`) }).waitFor()
}

async function payInSandbox(page: Page, words: Words): Promise<void> {
  await scanCode(page, words)
  await press(page, new RegExp(`^${words.sandbox.pay} ·`))
  await page.getByRole('button', { name: words.sandbox.refund, exact: true }).waitFor()
}

async function openPayment(page: Page, { payment }: Words): Promise<void> {
  await page.locator('tbody a').first().click()
  await page.getByRole('heading', { name: payment.life }).waitFor()
}

async function watch(page: Page): Promise<void> {
  await page.locator('tbody a').nth(8).waitFor()
}

const shots: readonly Shot[] = [
  { name: 'start', path: '/', key: null, kept: wide },
  { name: 'start-in', path: '/', key: 'demo-wallet' },
  { name: 'enter', path: '/payments', key: null },
  { name: 'forbidden', path: '/operator', key: 'demo-wallet' },
  { name: 'sandbox', path: '/sandbox', key: 'demo-wallet', kept: [...wide, ...phone], act: scanCode },
  { name: 'sandbox-paid', path: '/sandbox', key: 'demo-wallet', act: payInSandbox },
  { name: 'coverage', path: '/coverage', key: 'demo-portal', kept: wide },
  {
    name: 'coverage-city',
    path: '/coverage?at=31.2,121.45,10.4',
    key: 'demo-portal',
    kept: [...wide, ...chinese],
  },
  { name: 'merchant', path: '/coverage?merchant=acquirer-cn-01.W000001', key: 'demo-operator' },
  { name: 'live', path: '/live', key: 'demo-operator', kept: wide, act: watch },
  { name: 'payments', path: '/payments', key: 'demo-operator', height: 780, kept: [...wide, ...chinese] },
  {
    name: 'payment',
    path: '/payments?outcome=SUCCEEDED',
    key: 'demo-operator',
    kept: wide,
    act: openPayment,
  },
  { name: 'corridors', path: '/corridors', key: 'demo-operator', kept: wide },
  { name: 'corridor', path: '/corridors/SG-CN', key: 'demo-operator', kept: wide },
  { name: 'operator', path: '/operator', key: 'demo-operator', kept: wide },
  { name: 'operator-participant', path: '/operator?participant=wallet-sg-01', key: 'demo-operator' },
  { name: 'operator-certificates', path: '/operator?tab=certificates', key: 'demo-operator' },
  { name: 'operator-keys', path: '/operator?tab=keys', key: 'demo-operator', kept: wide },
  { name: 'operator-settlement', path: '/operator?tab=settlement', key: 'demo-operator', kept: wide },
  { name: 'operator-projects', path: '/operator?tab=projects', key: 'demo-operator' },
  { name: 'operator-rates', path: '/operator?tab=rates', key: 'demo-operator' },
  { name: 'operator-audit', path: '/operator?tab=audit', key: 'demo-operator' },
  { name: 'developers', path: '/developers?tab=codes', key: 'demo-wallet', kept: wide },
  { name: 'developers-webhooks', path: '/developers', key: 'demo-wallet' },
  { name: 'developers-keys', path: '/developers?tab=keys', key: 'demo-wallet' },
  { name: 'developers-ide', path: '/developers?tab=ide', key: 'demo-wallet' },
]

buildPortal()
const hub = spawn(process.execPath, [`${root}gateway/main.ts`], {
  env: { PATH: process.env.PATH, PORT: '0', TRAFFIC: '2', SCALE: '0.002', DATA_DIR: `${root}.data/shots` },
  stdio: ['ignore', 'pipe', 'inherit'],
})
// However this process ends, the hub ends with it.
process.once('exit', () => hub.kill('SIGTERM'))
const url = await new Promise<string>((resolve) => {
  createInterface({ input: hub.stdout }).on('line', (line) => {
    const found = /ready at (\S+)/.exec(line)?.[1]
    if (found) resolve(found)
  })
})
mkdirSync(folder, { recursive: true })
const browser = await launch()
const contexts: Partial<Record<Form['theme'], Promise<BrowserContext>>> = {}
for (const shot of shots.filter(({ name }) => values.only === undefined || name === values.only)) {
  for (const form of values.review ? reviewed : (shot.kept ?? [])) await take(shot, form)
}
await browser.close()
hub.kill('SIGTERM')

async function take({ name, path, key, height = 900, act }: Shot, form: Form): Promise<void> {
  const { width, language, theme, suffix } = form
  const context = await (contexts[theme] ??= browser.newContext({ colorScheme: theme, locale: 'en-GB' }))
  const page = await context.newPage()
  await page.setViewportSize({ width, height: width < 600 ? 844 : height })
  await page.addInitScript(
    ([stored, chosen]) => {
      if (stored) sessionStorage.setItem('crossgate.key', stored)
      localStorage.setItem('crossgate.language', chosen)
    },
    [key, language] as const,
  )
  await page.goto(url + path, { waitUntil: 'networkidle' })
  await page.locator('main :is(h1, .state)').first().waitFor()
  await page.locator('.state.loading').waitFor({ state: 'detached' })
  await act?.(page, languages[language])
  await page.screenshot({ path: `${folder}/${name}${suffix}.png`, fullPage: values.review })
  await page.close()
}
