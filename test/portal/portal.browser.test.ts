import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Locator, Page } from 'playwright-core'
import { afterAll, describe, expect, test } from 'vitest'
import { hubProcesses, urlOf } from '../hub/child.ts'
import { testHub } from '../hub/hub.ts'
import { aReceiver } from '../fixtures/a-webhook-receiver.ts'
import { expectAccessible, expectShown, startBrowser, tabTo } from './browser.ts'
import { cameraOf, writeVideo } from './camera.ts'
import { launch } from './chromium.ts'
import { framesOf, heapOf, slopeOf } from './figures.ts'
import { payBatch } from './load.ts'

const hub = await testHub()
const browser = await startBrowser()
const acquirer = 'demo-acquirer'
const wallet = 'demo-wallet'
const operator = 'demo-operator'

const open = (path: string, key?: string, width?: number): Promise<Page> =>
  browser.open(hub.url + path, { ...(key && { key }), ...(width && { width }) })

/** Pays at the first merchant of the acquirer, as a client of the API; the id of the payment. */
async function pay(
  amount = '25.00',
  target = hub.as(wallet),
  merchant = 'acquirer-cn-01.W000001',
): Promise<string> {
  const name = `payment-${performance.now()}`
  const input = {
    idempotencyKey: name,
    reference: name,
    merchant,
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

  test('is in Chinese after one click, also the names that the hub has in English', async () => {
    const page = await browser.open(hub.url, { key: operator, own: true })
    await page.getByRole('button', { name: '中文' }).click()
    await expectShown(page.getByRole('link', { name: '支付' }))
    expect(await page.locator('html').getAttribute('lang')).toBe('zh-CN')
    await page.goto(`${hub.url}/developers?tab=codes`)
    await expectShown(page.getByText('调用方看不到此标识的对象。'))
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

  test('are found by amount and by the beginning of their reference', async () => {
    const id = await pay('43.21')
    const page = await open('/payments?currency=CNY&min=43.21&max=43.21', wallet)
    await expectShown(page.locator(`a[href="/payments/${id}"]`).first())
    await expectShown(page.getByText('1 shown, 1 in all'))
    await page.getByLabel('Find by id or beginning of a reference').fill('payment-')
    await page.keyboard.press('Enter')
    await page.waitForURL(/q=payment-/)
    await expectShown(page.locator(`a[href="/payments/${id}"]`).first())
  })

  test('are saved as CSV', async () => {
    await pay()
    const page = await open('/payments', acquirer)
    const download = page.waitForEvent('download')
    await page.getByRole('button', { name: 'CSV' }).click()
    const text = readFileSync(await (await download).path(), 'utf8')
    expect(text.split('\r\n')[0]).toContain('id,Created,Status')
  })

  test('show what was sent to the webhooks of the viewer', async () => {
    const receiver = await aReceiver()
    const input = { idempotencyKey: 'portal-hook', url: `${receiver.url}/sent`, events: ['SUBMITTED'] }
    expect((await hub.as(wallet).ask('CreateWebhook', { input })).errors).toBeUndefined()
    const id = await pay('12.00')
    await receiver.until(1)
    const page = await open(`/payments/${id}`, wallet)
    const sent = page.getByRole('region', { name: 'Webhooks sent' }).last()
    await expectShown(sent.getByText('SUBMITTED', { exact: true }))
    await sent.getByText('Text sent').click()
    await expectShown(sent.getByText(/"type": "payment.submitted"/))
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

describe('a participant', () => {
  test('sees nothing of another: no payment, no event, no webhook', async () => {
    const merchants = await hub
      .as(operator)
      .query(
        '{ merchants(where: { acquirers: ["acquirer-cn-02"], entryModes: [IN_APP] }, first: 1) { edges { node { id } } } }',
      )
    const [{ node: other }] = (merchants.data as { merchants: { edges: [{ node: { id: string } }] } })
      .merchants.edges
    const page = await open('/live', acquirer)
    await expectShown(page.getByRole('status').getByText('Live'))
    const foreign = await pay('51.00', hub.as(wallet), other.id)
    await pay('52.00')
    await page.getByText('52.00').first().waitFor()
    expect(await page.getByText('51.00').count()).toBe(0)
    await page.goto(`${hub.url}/payments`)
    await page.getByText('52.00').first().waitFor()
    expect(await page.locator(`a[href="/payments/${foreign}"]`).count()).toBe(0)
    await page.goto(`${hub.url}/payments/${foreign}`)
    await expectShown(page.getByText('There is no such payment').first())
    await page.goto(`${hub.url}/developers`)
    await expectShown(page.getByText('No webhooks yet'))
  })

  test('with a key that the hub has withdrawn is led to a key, which is not kept', async () => {
    const page = await open('/live', 'cg_withdrawn')
    await page.getByText('The hub does not accept this key').first().waitFor()
    expect(await page.evaluate(() => sessionStorage.length)).toBe(0)
  })
})

describe('corridors', () => {
  test('show their terms, which the operator changes from the version that it read', async () => {
    const page = await open('/corridors', operator)
    await page.getByRole('link', { name: /SG-CN:/ }).click()
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

  test('tests the connection of a participant', async () => {
    const page = await open('/operator?participant=wallet-sg-01', operator)
    await page.getByRole('button', { name: 'Test connection' }).click()
    await expectShown(page.getByText('the hub answers in place of the participant'))
  })

  test('adds a project, and changes it from the version that it read', async () => {
    const page = await open('/operator?tab=projects', operator)
    await page.getByRole('button', { name: 'Add project' }).click()
    const dialog = page.getByRole('dialog')
    await dialog.getByLabel('id').fill('zz-portal')
    await dialog.getByLabel('Name').fill('A link of the portal')
    await dialog.getByLabel('Country').fill('TH')
    await dialog.getByRole('button', { name: 'Save' }).click()
    await page.getByRole('button', { name: 'Edit A link of the portal' }).click()
    await dialog.getByLabel('Status').selectOption('PILOT')
    await dialog.getByRole('button', { name: 'Save' }).click()
    await expectShown(page.getByRole('row', { name: /A link of the portal/ }).getByText('Pilot'))
  })

  test('puts a table of rates in force', async () => {
    const page = await open('/operator?tab=rates', operator)
    await page.getByRole('button', { name: 'New table of rates' }).click()
    await page.getByLabel('SGD → CNY').fill('5.4321')
    await page.getByRole('button', { name: 'Put in force' }).click()
    await expectShown(page.getByRole('row', { name: /^SGD/ }).getByText('5.4321', { exact: true }))
  })

  test('reads certificates by their end', async () => {
    const page = await open('/operator?tab=certificates', operator)
    await expectShown(page.locator('tbody .link').first())
  })

  test('suspends a merchant with a reason', async () => {
    const page = await open('/coverage?merchant=acquirer-cn-01.W000002', operator)
    const dialog = page.getByRole('dialog')
    await dialog.getByLabel('Reason of the change').fill('A complaint')
    await dialog.getByRole('button', { name: /Suspended$/ }).click()
    await expectShown(dialog.getByRole('button', { name: /Active$/ }))
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

  test('send a test event, and see how the receiver answers', async () => {
    const receiver = await aReceiver()
    const input = { idempotencyKey: 'portal-test', url: `${receiver.url}/test`, events: ['NEVER_SEEN'] }
    await hub.as(acquirer).ask('CreateWebhook', { input })
    const page = await open('/developers', acquirer)
    await page
      .getByRole('row', { name: /\/test/ })
      .getByRole('button', { name: 'Send test event' })
      .click()
    await receiver.until(1)
    expect(JSON.parse(receiver.received[0]!.body)).toMatchObject({ type: 'webhook.test' })
    await expectShown(page.getByText('The receiver accepted the test event.'))
  })
})

describe('the camera', () => {
  test('reads the code of a till', async () => {
    const shops = await hub
      .as(operator)
      .query(
        '{ merchants(where: { acquirers: ["acquirer-cn-01"], entryModes: [MPM_STATIC] }, first: 1) { edges { node { id } } } }',
      )
    const [{ node: shop }] = (shops.data as { merchants: { edges: [{ node: { id: string } }] } }).merchants
      .edges
    const issued = await hub.as(acquirer).ask('IssueCode', {
      input: { idempotencyKey: 'camera', merchant: shop.id, kind: 'STATIC' },
    })
    const { payload } = (issued.data as { issueCode: { payload: string } }).issueCode
    const file = `${mkdtempSync(`${tmpdir()}/camera-`)}/code.y4m`
    writeVideo(file, payload)
    const seeing = await launch(cameraOf(file))
    try {
      const page = await seeing.newPage()
      await page.addInitScript((key) => sessionStorage.setItem('crossgate.key', key), wallet)
      await page.goto(`${hub.url}/sandbox`)
      await page.getByRole('button', { name: 'Camera' }).click()
      await expectShown(page.getByText('Printed', { exact: true }).first())
    } finally {
      await seeing.close()
      rmSync(dirname(file), { recursive: true })
    }
  })
})

describe('a slow answer', () => {
  test.each([
    { motion: 'moves', moves: true },
    { motion: 'stands still where the viewer wants less motion', moves: false },
  ])('shows that it loads, which $motion', async ({ moves }) => {
    const answered = Promise.withResolvers<void>()
    const page = await browser.open(`${hub.url}/corridors`, {
      key: operator,
      moves,
      before: (opened) =>
        opened.route('**/graphql', async (route) => {
          if (!route.request().postData()?.includes('query Viewer')) await answered.promise
          await route.continue()
        }),
    })
    await page.locator('.state.loading').first().waitFor()
    const duration = await page.evaluate(() =>
      Math.max(...document.getAnimations().map(({ effect }) => Number(effect!.getTiming().duration))),
    )
    expect(duration > 100).toBe(moves)
    answered.resolve()
    await page.getByRole('link', { name: /SG-CN:/ }).waitFor()
    expect(await page.locator('.state.loading').count()).toBe(0)
  })
})

describe('the keyboard alone', () => {
  const journeys: readonly {
    page: string
    key: string
    steps: readonly (string | RegExp)[]
    seen: (page: Page) => Locator
  }[] = [
    {
      page: '/sandbox',
      key: wallet,
      steps: ['Issue code', 'Scan the code of the till', /^Pay\s/],
      seen: (page) => page.getByRole('region', { name: 'Phone' }).getByText('Completed').first(),
    },
    {
      page: '/live',
      key: operator,
      steps: ['Pause'],
      seen: (page) => page.getByRole('button', { name: /^Resume/ }),
    },
    {
      page: '/coverage',
      key: 'demo-portal',
      steps: [/^Shanghai/],
      seen: (page) => page.getByRole('heading', { name: /^Within/ }),
    },
    {
      page: '/corridors',
      key: operator,
      steps: [/SG-CN:/],
      seen: (page) => page.getByRole('button', { name: 'Edit terms' }),
    },
    {
      page: '/corridors/SG-CN',
      key: operator,
      steps: ['Edit terms'],
      seen: (page) => page.getByRole('button', { name: 'Save terms' }),
    },
    {
      page: '/operator',
      key: operator,
      steps: ['Settlement'],
      seen: (page) => page.getByRole('button', { name: 'Close date' }),
    },
    {
      page: '/developers',
      key: wallet,
      steps: ['Codes'],
      seen: (page) => page.getByRole('heading', { name: 'Problem codes' }),
    },
  ]
  test.each(journeys)('does the main thing of $page', async ({ page: path, key, steps, seen }) => {
    const page = await open(path, key)
    await page.locator('main h1').waitFor()
    for (const name of steps) {
      await page.locator('.state.loading').waitFor({ state: 'detached' })
      await tabTo(page, name)
      await page.keyboard.press('Enter')
    }
    await expectShown(seen(page))
  })

  test('opens a payment of the list, and refunds it', async () => {
    await pay('18.00')
    const page = await open('/payments?outcome=SUCCEEDED', wallet)
    await tabTo(page, await page.locator('tbody a').first().innerText())
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { name: 'Timeline' }).waitFor()
    await tabTo(page, 'Refund')
    await page.keyboard.press('Enter')
    await expectShown(page.getByRole('heading', { name: 'Refunds' }))
  })

  test('chooses a role at the start', async () => {
    const page = await open('/')
    await tabTo(page, /^Wallet/)
    await page.keyboard.press('Enter')
    await expectShown(page.getByRole('heading', { name: 'Wallet sandbox' }))
  })
})

describe('the live board', () => {
  const start = hubProcesses(hub.database)

  test('fills the window in wall mode, until Escape', async () => {
    const page = await open('/live', operator)
    const navigation = page.getByRole('link', { name: 'Payments' }).first()
    await expectShown(navigation)
    await page.getByRole('button', { name: 'Wall mode' }).click()
    await navigation.waitFor({ state: 'hidden' })
    await expectShown(page.getByText('By corridor'))
    await page.keyboard.press('Escape')
    await page.keyboard.press('Escape')
    await navigation.waitFor()
  })

  test('counts every event of a rush, draws a sample of them, and keeps little', async () => {
    const page = await open('/live', operator)
    await expectShown(page.getByRole('status').getByText('Live'))
    const session = await page.context().newCDPSession(page)
    const heaps: [round: number, bytes: number][] = []
    // Each round has 200 payments, with some 600 events.
    for (let round = 1; round <= 6; round++) {
      const frames = framesOf(page, 400)
      await Promise.all(Array.from({ length: 20 }, () => payBatch(hub.url, wallet)))
      const all = (200 * round).toLocaleString('en-GB')
      await page.getByText(new RegExp(` of ${all} payments drawn`)).waitFor()
      // A frame while the events arrive: the page does not stall.
      expect((await frames).longestMs).toBeLessThan(2_000)
      heaps.push([round, await heapOf(session)])
    }
    const note = (await page.locator('.note').textContent())!
    expect(Number(/\. ([\d,]+) of/.exec(note)![1]!.replace(',', ''))).toBeLessThan(1_200)
    // The first rounds fill the ticker and the list of pending payments.
    expect(slopeOf(heaps.slice(2))).toBeLessThan(2 ** 20)
  })

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
    ['/operator?tab=certificates', operator],
    ['/operator?tab=settlement', operator],
    ['/operator?tab=rates', operator],
    ['/developers', wallet],
    ['/developers?tab=codes', wallet],
  ]
  test.each(pages)('meets WCAG 2.2 AA on wide and narrow windows, light and dark: %s', async (path, key) => {
    const page = await open(path, key)
    await expectShown(page.locator('main h1'))
    await page.locator('.state.loading').waitFor({ state: 'detached' })
    await expectAccessible(page)
    await page.emulateMedia({ colorScheme: 'dark' })
    await page.setViewportSize({ width: 390, height: 844 })
    await expectAccessible(page)
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
