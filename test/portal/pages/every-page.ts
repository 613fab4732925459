// What holds for every page: the keyboard, states, WCAG, policy, and budgets of scripts.

import type { Locator, Page } from 'playwright-core'
import { describe, expect, test } from 'vitest'
import { en } from '../../../portal/app/words/en.ts'
import { zh } from '../../../portal/app/words/zh.ts'
import { expectAccessible, expectLoaded, expectShown, patient, tabTo, visit } from '../browser.ts'
import { scriptBudgets } from '../budgets.ts'
import { acquirer, operator, partner, wallet, type Portal } from '../portal.ts'

export function describeEveryPage({ hub, browser, open, pay }: Portal): void {
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
        key: partner,
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
        await expectLoaded(page)
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

  describe('every page', () => {
    const pages: readonly (readonly [string, string | undefined])[] = [
      ['/', undefined],
      ['/sandbox', wallet],
      ['/live', operator],
      ['/payments', operator],
      ['/coverage', partner],
      ['/corridors', operator],
      ['/corridors/SG-CN', operator],
      ['/operator', operator],
      ['/operator?tab=projects', operator],
      ['/operator?tab=certificates', operator],
      ['/operator?tab=keys', operator],
      ['/operator?tab=settlement', operator],
      ['/operator?tab=rates', operator],
      ['/operator?tab=audit', operator],
      ['/operator?participant=wallet-sg-01', operator],
      ['/developers', wallet],
      ['/developers?tab=keys', wallet],
      ['/developers?tab=codes', wallet],
      ['/developers?tab=ide', wallet],
      ['/coverage?merchant=acquirer-cn-01.W000001', partner],
      ['/corridors?show=reasons', operator],
      ['/payments', undefined],
      ['/operator', wallet],
    ]
    test.each(pages)(
      'meets WCAG 2.2 AA on wide and narrow windows, light and dark: %s',
      async (path, key) => {
        const page = await open(path, key)
        await expectShown(page.locator('main h1'))
        await expectLoaded(page)
        await expectAccessible(page)
        await page.emulateMedia({ colorScheme: 'dark' })
        await page.setViewportSize({ width: 390, height: 844 })
        // The bar of a narrow window is the same on every page.
        await expectAccessible(page, path === '/' ? undefined : 'appearance')
      },
    )

    test('of one payment meets it too', async () => {
      const page = await open(`/payments/${await pay('17.00')}`, operator)
      await expectShown(page.getByRole('heading', { name: 'Postings' }))
      await expectLoaded(page)
      await expectAccessible(page)
      await page.emulateMedia({ colorScheme: 'dark' })
      await expectAccessible(page, 'appearance')
    })

    const roles = [
      { role: 'a wallet', key: wallet },
      { role: 'an acquirer', key: acquirer },
      { role: 'a partner portal', key: partner },
      { role: 'the operator', key: operator },
    ]
    test.each(roles)('opens for $role in Chinese on a narrow window, within its width', async ({ key }) => {
      const page = await browser.open(`${hub.url}/developers`, { key, width: 390, own: true, language: 'zh' })
      await page.getByRole('button', { name: '菜单' }).click()
      const names = await page.locator('#menu nav a').allInnerTexts()
      await page.keyboard.press('Escape')
      expect(names.length).toBeGreaterThanOrEqual(5)
      // The first page has a title of its own.
      for (const name of names.slice(1)) {
        await page.getByRole('button', { name: '菜单' }).click()
        await page.locator('#menu').getByRole('link', { name, exact: true }).click()
        await page.getByRole('heading', { level: 1, name, exact: true }).waitFor()
        await expectLoaded(page)
        const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)
        const failed = await page.locator('.state.error').count()
        // What the hub has in English is shown in Chinese too, other than names.
        const english = (await textsOf(page)).filter((text) => englishTexts.has(text))
        expect({ name, overflow, failed, english }).toEqual({ name, overflow: 0, failed: 0, english: [] })
      }
    })

    test('that a key does not open names the scope that it lacks', async () => {
      const input = { label: 'Coverage alone', scopes: ['coverage:read'], idempotencyKey: 'coverage-alone' }
      const { data } = await hub
        .as(wallet)
        .query(
          'mutation ($input: CreateKeyInput!) { createKey(input: $input) { ... on KeyIssued { secret } } }',
          {
            input,
          },
        )
      const key = (data as { createKey: { secret: string } }).createKey.secret
      const page = await open('/coverage', key)
      await page.locator('main h1').waitFor()
      for (const [path, scope] of [
        ['/sandbox', 'payments:write'],
        ['/live', 'payments:read'],
        ['/payments', 'payments:read'],
        ['/operator', 'operator'],
        ['/developers', 'webhooks:read'],
        ['/developers?tab=keys', 'keys:manage'],
      ] as const) {
        await visit(page, path)
        await expectShown(page.getByText('This key does not open this page'))
        await expectShown(page.getByText(`“${scope}”`))
      }
      // Corridors have terms for every key, and figures only with the scope for them.
      await visit(page, '/corridors')
      await page.getByRole('link', { name: /SG-CN:/ }).waitFor()
      expect(await page.locator('.figures').count()).toBe(0)
    })

    const cut = ['/coverage', '/payments', '/corridors', '/corridors/SG-CN', '/operator', '/developers']
    test.each(cut)(
      'states that the hub cannot be reached, and loads when it is tried again: %s',
      async (path) => {
        let isCut = true
        const page = await browser.open(hub.url + path, {
          key: operator,
          before: (opened) =>
            opened.route('**/graphql', (route) =>
              isCut && !route.request().postData()?.includes('query Viewer')
                ? route.abort()
                : route.continue(),
            ),
        })
        await page.getByRole('alert').getByText('This could not be loaded').first().waitFor()
        isCut = false
        await page.getByRole('button', { name: 'Try again' }).first().click()
        await expect.poll(() => page.locator('.state.error').count(), patient).toBe(0)
      },
    )

    test('without data has a text in its place', async () => {
      const page = await open('/payments?q=no-such-reference', wallet)
      await expectShown(page.getByText('No payment fits these filters, or there has been none yet.'))
      await visit(page, '/coverage?q=zzzzzz')
      await expectShown(page.getByText('No merchant here fits the filters.'))
    })

    test('has scripts within its budget: 70 KB for the first view, 150 KB for any page', () => {
      expect(scriptBudgets().filter(({ bytes, most }) => bytes > most)).toEqual([])
      expect(scriptBudgets().length).toBeGreaterThanOrEqual(10)
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
}

function textsIn(words: unknown): string[] {
  if (typeof words === 'string') return [words]
  return typeof words === 'object' && words !== null ? Object.values(words).flatMap(textsIn) : []
}

const chineseTexts = new Set(textsIn(zh))
/** The texts of English that Chinese has other words for. */
const englishTexts = new Set(
  textsIn(en).filter((text) => /[a-z]{4}/.test(text) && text !== 'English' && !chineseTexts.has(text)),
)

/** The texts that a page shows. */
const textsOf = (page: Page): Promise<string[]> =>
  page.evaluate(() => {
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
    const found: string[] = []
    while (walker.nextNode()) found.push(walker.currentNode.textContent!.trim())
    return found
  })
