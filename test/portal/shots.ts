// `npm run portal:shots`: pictures of every page in both themes, of a demo hub that it starts.
// `--review` writes each page whole as PNG, with each pair of a language, a theme and a width, to
// `.data/portal-review`. `--only NAME` takes the pages whose names begin with it, and may be given
// several times.

import { execFileSync, spawn } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import type { Page } from 'playwright-core'
import { en, type Words } from '../../portal/app/words/en.ts'
import { zh } from '../../portal/app/words/zh.ts'
import buildPortal from './build.ts'
import { launch } from './chromium.ts'

const { values } = parseArgs({
  options: { review: { type: 'boolean', default: false }, only: { type: 'string', multiple: true } },
})
const root = fileURLToPath(new URL('../..', import.meta.url))
for (const language of ['zh', 'th']) {
  // Its names would be rows of boxes.
  if (execFileSync('fc-list', [`:lang=${language}`]).length === 0)
    throw new Error(
      `no font of this machine has the language ${language}: apt-get install fonts-noto-cjk fonts-noto-core`,
    )
}
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
  /** The forms of it that the documentation has beside both themes of a wide window. */
  readonly also?: readonly Form[]
  /** What happens before the page is opened. */
  readonly before?: (page: Page) => Promise<void>
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

/** Closes the day before yesterday, and chooses today. */
async function closeDates(page: Page, { operator: words }: Words): Promise<void> {
  const day = (ago: number) => new Date(Date.now() - ago * 86_400_000).toISOString().slice(0, 10)
  await page.getByLabel(words.settlementDate).fill(day(2))
  await press(page, words.closeDate)
  await page.locator('tbody tr').first().waitFor()
  await press(page, new RegExp(day(0).slice(5)))
}

async function watch(page: Page): Promise<void> {
  await page.locator('tbody a').nth(8).waitFor()
}

/** Lets no event through: the first minute, in which nothing happens. */
const holdEvents = (page: Page): Promise<void> =>
  page.routeWebSocket(/graphql/, (socket) => {
    const server = socket.connectToServer()
    server.onMessage((message) => {
      if (!String(message).includes('"type":"next"')) socket.send(message)
    })
  })

const operator = 'demo-operator'
const wallet = 'demo-wallet'
const partner = 'demo-portal'
const shots: readonly Shot[] = [
  { name: 'start', path: '/', key: null },
  { name: 'start-in', path: '/', key: wallet },
  { name: 'enter', path: '/payments', key: null },
  { name: 'forbidden', path: '/operator', key: wallet },
  { name: 'sandbox', path: '/sandbox', key: wallet, also: phone, act: scanCode },
  { name: 'sandbox-paid', path: '/sandbox', key: wallet, act: payInSandbox },
  { name: 'coverage', path: '/coverage', key: partner },
  { name: 'coverage-city', path: '/coverage?at=31.2,121.45,10.4', key: partner, also: chinese },
  { name: 'coverage-none', path: '/coverage?q=zzzzzz', key: partner },
  { name: 'merchant', path: '/coverage?merchant=acquirer-cn-01.W000001', key: operator },
  { name: 'live-first', path: '/live', key: operator, before: holdEvents },
  { name: 'live', path: '/live', key: operator, act: watch },
  { name: 'payments', path: '/payments', key: operator, also: chinese },
  { name: 'payments-none', path: '/payments?q=no-such-reference', key: wallet },
  { name: 'payment', path: '/payments?outcome=SUCCEEDED', key: operator, act: openPayment },
  { name: 'corridors', path: '/corridors', key: operator, also: chinese },
  { name: 'corridors-reasons', path: '/corridors?show=reasons', key: operator },
  { name: 'corridor', path: '/corridors/SG-CN', key: operator },
  { name: 'operator', path: '/operator', key: operator },
  { name: 'operator-participant', path: '/operator?participant=wallet-sg-01', key: operator },
  { name: 'operator-certificates', path: '/operator?tab=certificates', key: operator },
  { name: 'operator-keys', path: '/operator?tab=keys', key: operator },
  { name: 'operator-settlement', path: '/operator?tab=settlement', key: operator, act: closeDates },
  { name: 'operator-projects', path: '/operator?tab=projects', key: operator },
  { name: 'operator-rates', path: '/operator?tab=rates', key: operator },
  { name: 'operator-audit', path: '/operator?tab=audit', key: operator },
  { name: 'developers-webhooks', path: '/developers', key: wallet },
  { name: 'developers-keys', path: '/developers?tab=keys', key: wallet },
  { name: 'developers-codes', path: '/developers?tab=codes', key: wallet },
  { name: 'developers-ide', path: '/developers?tab=ide', key: wallet },
]

buildPortal()
const hub = spawn(process.execPath, [`${root}gateway/main.ts`], {
  env: { PATH: process.env.PATH, PORT: '0', TRAFFIC: '6', SCALE: '0.002', DATA_DIR: `${root}.data/shots` },
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
// Without motion, so that a theme is there as soon as it is selected, and an arc is drawn whole.
const context = await browser.newContext({ locale: 'en-GB', reducedMotion: 'reduce' })
const isWanted = ({ name }: Shot): boolean => (values.only ?? ['']).some((begin) => name.startsWith(begin))
for (const shot of shots.filter(isWanted)) {
  const forms = values.review ? reviewed : [...wide, ...(shot.also ?? [])]
  // The themes of a page are pictures of one tab.
  for (const same of Map.groupBy(forms, ({ width, language }) => `${width} ${language}`).values())
    await take(shot, same)
}
await browser.close()
hub.kill('SIGTERM')

async function take({ name, path, key, before, act }: Shot, forms: readonly Form[]): Promise<void> {
  const { width, language, theme } = forms[0]!
  const page = await context.newPage()
  await page.emulateMedia({ colorScheme: theme })
  // A busy machine takes its time.
  page.setDefaultTimeout(120_000)
  await page.setViewportSize({ width, height: width < 600 ? 844 : 900 })
  await page.addInitScript(
    ([stored, chosen]) => {
      if (stored) sessionStorage.setItem('crossgate.key', stored)
      localStorage.setItem('crossgate.language', chosen)
    },
    [key, language] as const,
  )
  await before?.(page)
  const isMap = path.startsWith('/coverage')
  const cells = isMap && page.waitForResponse((to) => to.request().postData()?.includes('Cells') ?? false)
  await page.goto(url + path, { waitUntil: 'networkidle' })
  await page.locator('main :is(h1, .state)').first().waitFor()
  // No text of the page shows that the hexagons of its map are there.
  if (cells) await cells
  await act?.(page, languages[language])
  for (const form of forms) {
    await page.emulateMedia({ colorScheme: form.theme })
    await settle(page)
    const file = `${folder}/${name}${form.suffix}`
    if (values.review) await page.screenshot({ path: `${file}.png`, fullPage: true })
    else writeFileSync(`${file}.webp`, await webpOf(page))
  }
  await page.close()
}

/** Waits until nothing loads, and what was read last is drawn: a canvas draws in the next frame. */
async function settle(page: Page): Promise<void> {
  await page.locator('.state.loading').first().waitFor({ state: 'detached' })
  await page.evaluate(async () => {
    await document.fonts.ready
    for (let n = 0; n < 3; n++) await new Promise(requestAnimationFrame)
  })
}

/** A third of the bytes of a PNG, which Playwright’s own method has no option for. */
async function webpOf(page: Page): Promise<Buffer> {
  const session = await page.context().newCDPSession(page)
  const { data } = await session.send('Page.captureScreenshot', { format: 'webp', quality: 82 })
  return Buffer.from(data, 'base64')
}
