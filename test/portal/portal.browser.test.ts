import { readFileSync, statSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Page } from 'playwright-core'
import { afterAll, describe, expect, test } from 'vitest'
import { hubProcesses, urlOf } from '../hub/child.ts'
import { testHub } from '../hub/hub.ts'
import { expectAccessible, expectShown, startBrowser } from './browser.ts'

const hub = await testHub()
const browser = await startBrowser()
const acquirer = 'demo-acquirer'
const wallet = 'demo-wallet'
const operator = 'demo-operator'

const open = (path: string, key?: string, width?: number): Promise<Page> =>
  browser.open(hub.url + path, { ...(key && { key }), ...(width && { width }) })

/** Pays at the first merchant of the acquirer, as a client of the API; the id of the payment. */
async function pay(amount = '25.00', target = hub.as(wallet)): Promise<string> {
  const name = `payment-${performance.now()}`
  const input = {
    idempotencyKey: name,
    reference: name,
    merchant: 'acquirer-cn-01.W000001',
    amount: { amount, currency: 'CNY' },
  }
  const { data, errors } = await target.ask('SubmitPayment', { input })
  expect(errors).toBeUndefined()
  const { id } = (data as { submitPayment: { payment: { id: string } } }).submitPayment.payment
  return id
}

afterAll(() => {
  // No script failed, and nothing was refused by the policy, on any page.
  if (browser.errors.length > 0) throw new Error(browser.errors.join('\n'))
})

describe('the start page', () => {
  test('lets a visitor of a demo choose a role, and keeps its key in the session alone', async () => {
    const page = await open('/')
    await page.getByRole('button', { name: /^Wallet/ }).click()
    await expectShown(page.getByRole('heading', { name: 'Wallet sandbox' }))
    expect(page.url()).toBe(`${hub.url}/sandbox`)
    const stored = await page.evaluate(() => [JSON.stringify(localStorage), sessionStorage.length] as const)
    expect(stored).toEqual([expect.not.stringContaining('demo-'), 1])
  })

  test('shows a payment as it happens', async () => {
    const page = await open('/')
    await expectShown(page.getByText('No payment in this moment'))
    await pay('77.00')
    await expectShown(page.getByText('77.00'))
  })

  test('refuses a wrong key, and states it', async () => {
    const page = await open('/')
    await page.getByLabel('Or use a key of your own').fill('cg_wrong')
    await page.getByRole('button', { name: 'Continue' }).click()
    await expectShown(page.getByText('The hub does not accept this key'))
    expect(await page.evaluate(() => sessionStorage.length)).toBe(0)
  })

  test('is in Chinese after one click', async () => {
    const page = await open('/', operator)
    await page.getByRole('button', { name: '中文' }).click()
    await expectShown(page.getByRole('link', { name: '支付' }))
    expect(await page.locator('html').getAttribute('lang')).toBe('zh-CN')
  })
})

describe('the wallet sandbox', () => {
  test.each([1440, 390])('takes a sale from the code to its refund, %i pixels wide', async (width) => {
    const page = await open('/sandbox', wallet, width)
    await page.getByRole('button', { name: 'Issue code' }).click()
    await page.getByRole('button', { name: 'Scan the code of the till' }).click()
    await page.getByRole('button', { name: /^Pay/ }).click()
    const phone = page.getByRole('region', { name: 'Phone' })
    await expectShown(phone.getByText('Completed').first())
    await phone.getByLabel(/^Refund/).fill('68.00')
    await phone.getByRole('button', { name: 'Refund' }).click()
    await expectShown(phone.getByText('Refunded'))
    await page.getByRole('button', { name: 'curl' }).click()
    expect(await page.locator('pre').textContent()).toContain(`curl -s ${hub.url}/graphql`)
  })

  test('shows a decline with its reason', async () => {
    const page = await open('/sandbox', wallet)
    await page.getByLabel('What the simulated counterparty does').selectOption('SIM-AM04')
    await page.getByRole('button', { name: 'Issue code' }).click()
    await page.getByRole('button', { name: 'Scan the code of the till' }).click()
    await page.getByRole('button', { name: /^Pay/ }).click()
    await expectShown(page.getByText('AM04', { exact: true }))
  })

  test('charges a code that the customer presents', async () => {
    const page = await open('/sandbox', wallet)
    await page.getByRole('button', { name: 'Customer shows the code' }).click()
    await page.getByRole('button', { name: 'Present a code' }).click()
    await page.getByRole('button', { name: 'Charge the presented code' }).click()
    await expectShown(page.getByRole('region', { name: 'Phone' }).getByText('Completed').first())
  })

  test('reads a code from a picture', async () => {
    const page = await open('/sandbox', wallet)
    await page.getByRole('button', { name: 'Issue code' }).click()
    const picture = await page.getByRole('img', { name: 'QR code of the merchant' }).screenshot()
    await page
      .locator('input[type=file]')
      .setInputFiles({ name: 'code.png', mimeType: 'image/png', buffer: picture })
    await expectShown(page.getByRole('button', { name: /^Pay/ }))
  })
})

describe('coverage', () => {
  test('leads from a city to a merchant, and explains why a wallet can pay there', async () => {
    const page = await open('/coverage', 'demo-portal')
    await page.locator('main aside').getByRole('button').first().click()
    await expectShown(page.getByRole('heading', { name: /^Within/ }))
    await page.locator('.list button').first().click()
    await expectShown(page.getByRole('dialog').getByText(/^(Yes|No)\./))
    // The address holds the view: another tab opens the same.
    const again = await open(page.url().replace(hub.url, ''), 'demo-portal')
    await again
      .getByRole('dialog')
      .getByText(/^(Yes|No)\./)
      .waitFor()
  })

  test('finds a merchant by its name in the local script', async () => {
    const page = await open('/coverage', 'demo-portal')
    await page.getByLabel('Search').fill('丰海')
    await expectShown(page.locator('.list button').first())
    expect(page.url()).toContain(encodeURIComponent('丰海'))
  })

  test('moves and zooms by the keyboard', async () => {
    const page = await open('/coverage?at=31,121,6', 'demo-portal')
    await page.getByRole('application').focus()
    await page.keyboard.press('+')
    await page.waitForURL(/7\.00$/)
    expect(page.url()).toMatch(/7\.00$/)
  })
})

describe('payments', () => {
  test('are filtered in the address, and opened with their timeline', async () => {
    const id = await pay()
    const page = await open('/payments', wallet)
    await page.getByLabel('Outcome').selectOption('SUCCEEDED')
    await page.waitForURL(/outcome=SUCCEEDED/)
    await page.locator(`a[href="/payments/${id}"]`).first().click()
    await expectShown(page.getByText('The counterparty approved'))
    await expectShown(page.getByRole('heading', { name: 'Postings' }))
    await page.getByRole('button', { name: 'Refund' }).click()
    await expectShown(page.getByRole('heading', { name: 'Refunds' }))
  })

  test('are saved as CSV', async () => {
    await pay()
    const page = await open('/payments', acquirer)
    const download = page.waitForEvent('download')
    await page.getByRole('button', { name: 'CSV' }).click()
    const text = readFileSync(await (await download).path(), 'utf8')
    expect(text.split('\r\n')[0]).toContain('id,Created,Status')
  })

  test('of another participant are not there', async () => {
    const others = (await hub
      .as(operator)
      .query('{ transactions(first: 50) { edges { node { id wallet { id } } } } }')) as {
      data: { transactions: { edges: { node: { id: string; wallet: { id: string } } }[] } }
    }
    const other = others.data.transactions.edges.find(({ node }) => node.wallet.id !== 'wallet-sg-01')!
    const page = await open(`/payments/${other.node.id}`, wallet)
    await expectShown(page.getByText('There is no such payment').first())
  })
})

describe('corridors', () => {
  test('show their terms, which the operator changes from the version that it read', async () => {
    const page = await open('/corridors', operator)
    await page.getByRole('link', { name: /^SG-CN/ }).click()
    await page.getByRole('button', { name: 'Edit terms' }).click()
    await page.getByLabel('Quote, seconds').fill('240')
    await page.getByRole('button', { name: 'Save terms' }).click()
    await expectShown(page.getByText('240 s'))
    await expectShown(page.getByText('quoteTtlSeconds'))
  })
})

describe('the operator', () => {
  test('opens a participant, and cannot close a date before its cut-off', async () => {
    const page = await open('/operator', operator)
    await page.locator('tbody a').first().click()
    await expectShown(page.getByRole('dialog').getByRole('heading', { name: 'Status history' }))
    await page.keyboard.press('Escape')
    await page.getByRole('button', { name: 'Settlement' }).click()
    await page.getByLabel('Settlement date').fill('2099-01-01')
    await page.getByRole('button', { name: 'Close date' }).click()
    await expectShown(page.getByRole('alert'))
  })

  test('is not there for another key', async () => {
    const page = await open('/operator', wallet)
    await expectShown(page.getByText('This key does not open this page'))
  })
})

describe('developers', () => {
  test('create a webhook, whose secret is shown once', async () => {
    const page = await open('/developers', wallet)
    await page.getByLabel('Address of a new webhook').fill('http://127.0.0.1:9999/hook')
    await page.getByRole('button', { name: 'Create webhook' }).click()
    await expectShown(page.getByText(/^whsec_/))
    await page.reload()
    await page.getByRole('button', { name: 'http://127.0.0.1:9999/hook' }).click()
    await expectShown(page.getByText('Nothing has been sent'))
    expect(await page.getByText(/^whsec_/).count()).toBe(0)
  })
})

describe('the live board', () => {
  const start = hubProcesses(hub.database)

  test('resumes after a restart of the hub, with each event once', async () => {
    const first = start({})
    const url = await urlOf(first)
    const page = await browser.open(`${url}/live`, { key: operator })
    await expectShown(page.getByRole('status').getByText('Live'))
    await pay('31.00')
    await expectShown(page.getByText('31.00').nth(2))
    first.process.kill('SIGTERM')
    await first.exit
    await expectShown(page.getByText('Connection lost'))
    await pay('32.00')
    await urlOf(start({ PORT: new URL(url).port }))
    await expectShown(page.getByText(/^Resumed after the event of/))
    await expectShown(page.getByText('32.00').nth(2))
    expect(await page.locator('tbody').getByText('32.00').count()).toBe(3)
    expect(await page.locator('tbody').getByText('31.00').count()).toBe(3)
  })
})

describe('every page', () => {
  const pages: readonly (readonly [string, string | undefined])[] = [
    ['/', undefined],
    ['/sandbox', wallet],
    ['/live', operator],
    ['/payments', operator],
    ['/coverage', 'demo-portal'],
    ['/corridors', operator],
    ['/corridors/SG-CN', operator],
    ['/operator', operator],
    ['/operator?tab=projects', operator],
    ['/developers?tab=codes', wallet],
  ]
  test.each(pages)('meets WCAG 2.2 AA on wide and narrow windows, light and dark: %s', async (path, key) => {
    for (const [width, dark] of [
      [1440, false],
      [390, true],
    ] as const) {
      const page = await browser.open(hub.url + path, { ...(key && { key }), width, dark })
      await expectShown(page.locator('main h1'))
      await page.locator('.state.loading').waitFor({ state: 'detached' })
      await expectAccessible(page)
      await page.context().close()
    }
  })

  test('is protected by a strict policy, and its assets are immutable', async () => {
    const response = await fetch(hub.url)
    const policy = response.headers.get('content-security-policy')!
    expect(policy).toContain("default-src 'none'")
    expect(policy).not.toMatch(/'unsafe-eval'|'unsafe-inline'|https?:|\*/)
    const [, script] = /src="(\/assets\/[^"]+\.js)"/.exec(await response.text())!
    const asset = await fetch(hub.url + script, { headers: { 'accept-encoding': 'gzip' } })
    expect(asset.headers.get('cache-control')).toBe('public, max-age=31536000, immutable')
    expect(asset.headers.get('content-encoding')).toBe('gzip')
    for (const path of ['/assets/..%2findex.html', '/assets/nothing.js', `${script}.gz`])
      expect((await fetch(hub.url + path)).status).toBe(404)
  })
})

describe('the scripts', () => {
  interface Chunk {
    readonly file: string
    readonly isEntry?: boolean
    readonly imports?: readonly string[]
    readonly dynamicImports?: readonly string[]
  }
  const folder = fileURLToPath(new URL('../../.data/portal/', import.meta.url))
  const manifest = JSON.parse(readFileSync(`${folder}.vite/manifest.json`, 'utf8')) as Record<string, Chunk>

  /** Bytes of a script and of all that it imports, compressed. */
  function bytesOf(names: readonly string[]): number {
    const all = new Set<string>(names)
    for (const name of all) for (const imported of manifest[name]?.imports ?? []) all.add(imported)
    return [...all].reduce((sum, name) => {
      const { file } = manifest[name]!
      const compressed = statSync(`${folder}${file}.gz`, { throwIfNoEntry: false })
      return sum + (compressed ?? statSync(folder + file)).size
    }, 0)
  }
  const entry = Object.keys(manifest).find((name) => manifest[name]!.isEntry)!

  test('of the first view have at most 70 KB, and those of any page at most 150 KB', () => {
    expect(bytesOf([entry, 'pages/Start.svelte'])).toBeLessThanOrEqual(70_000)
    for (const page of manifest[entry]!.dynamicImports ?? [])
      expect({ page, fits: bytesOf([entry, page]) <= 150_000 }).toEqual({ page, fits: true })
  })
})
