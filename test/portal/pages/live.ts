// The live board: counted, sampled, and resumed after a restart.

import { describe, expect, test } from 'vitest'
import { testHub } from '../../hub/hub.ts'
import { expectShown } from '../browser.ts'
import { heapOf, slopeOf } from '../figures.ts'
import { payBatch } from '../load.ts'
import { operator, wallet, type Portal } from '../portal.ts'

export function describeLive({ hub, browser, open, pay }: Portal): void {
  describe('the live board', () => {
    test('fills the window in wall mode, until Escape', async () => {
      const page = await browser.open(`${hub.url}/live`, { key: operator, own: true })
      const navigation = page.getByRole('link', { name: 'Payments' }).first()
      await expectShown(navigation)
      await page.getByRole('button', { name: 'Wall mode' }).click()
      await navigation.waitFor({ state: 'hidden' })
      await expectShown(page.getByText('By corridor'))
      await page.keyboard.press('Escape')
      await page.keyboard.press('Escape')
      await navigation.waitFor()
    })

    test('lists the events of one status, and leads from the number of a corridor to its payments', async () => {
      const page = await open('/live', operator)
      await expectShown(page.getByRole('status').getByText('Live'))
      await page.getByLabel('Status').selectOption('COMPLETED')
      await pay('33.00')
      await page.locator('tbody').getByText('33.00').waitFor()
      expect(await page.locator('.ticker tbody').getByText('Received').count()).toBe(0)
      await page.locator('.lanes').getByRole('link', { name: '1', exact: true }).click()
      await page.waitForURL(/payments\?corridor=SG-CN/)
    })

    test('counts every event of a rush, draws a sample of them, and keeps little', async () => {
      const page = await open('/live', operator)
      await expectShown(page.getByRole('status').getByText('Live'))
      const session = await page.context().newCDPSession(page)
      const heaps: [round: number, bytes: number][] = []
      const startedAt = performance.now()
      // Each round has 100 payments, with some 300 events.
      for (let round = 1; round <= 4; round++) {
        await Promise.all(Array.from({ length: 10 }, () => payBatch(hub.url, wallet)))
        const all = (100 * round).toLocaleString('en-GB')
        await page.getByText(new RegExp(` of ${all} payments drawn`)).waitFor()
        heaps.push([round, await heapOf(session)])
      }
      const tookMs = performance.now() - startedAt
      // At most 12 arcs in 150 ms; a slow hub spreads the payments over more of them. Frames are measured by
      // `npm run portal:measure`, because other tests take the processor here.
      const note = (await page.locator('.note').textContent())!
      const drawn = Number(/\. ([\d,]+) of/.exec(note)![1]!.replace(',', ''))
      expect(drawn).toBeLessThanOrEqual(12 * Math.ceil(tookMs / 150))
      // The first round fills the ticker and the list of pending payments.
      expect(slopeOf(heaps.slice(1))).toBeLessThan(2 ** 20)
    })

    test('resumes after a restart of the hub, with each event once', async () => {
      const first = await testHub(hub.database)
      const page = await browser.open(`${first.url}/live`, { key: operator })
      await expectShown(page.getByRole('status').getByText('Live'))
      await pay('31.00')
      await expectShown(page.getByText('31.00').nth(2))
      await first.close()
      await expectShown(page.getByText('Connection lost'))
      await pay('32.00')
      await testHub(hub.database, { PORT: new URL(first.url).port })
      await expectShown(page.getByText(/^Resumed after the event of/))
      await expectShown(page.getByText('32.00').nth(2))
      expect(await page.locator('tbody').getByText('32.00').count()).toBe(3)
      expect(await page.locator('tbody').getByText('31.00').count()).toBe(3)
    })
  })
}
