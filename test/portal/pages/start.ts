// The first page: a role, a key, and what happens now.

import { describe, expect, test } from 'vitest'
import { expectShown } from '../browser.ts'
import { operator, type Portal } from '../portal.ts'

export function describeStart({ hub, browser, open, pay }: Portal): void {
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
}
