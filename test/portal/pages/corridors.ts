// The grid of corridors, their terms, and charts over any range.

import { describe, expect, test } from 'vitest'
import { expectShown, patient } from '../browser.ts'
import { operator, type Portal } from '../portal.ts'

interface Share {
  readonly key: string
  readonly authorizeMs: { readonly p95: number } | null
  readonly reasons: readonly {
    readonly isoCode: string
    readonly message: string
    readonly payments: number
  }[]
}

export function describeCorridors({ hub, open, pay }: Portal): void {
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

    test('refuse terms that were read before another change', async () => {
      const page = await open('/corridors/TH-CN', operator)
      await page.getByRole('button', { name: 'Edit terms' }).click()
      await page.getByLabel('Quote, seconds').fill('90')
      const { data } = await hub.as(operator).query('{ corridor(id: "TH-CN") { version } }')
      const { version } = (data as { corridor: { version: number } }).corridor
      const input = { id: 'TH-CN', expectedVersion: version, quoteTtlSeconds: 120, idempotencyKey: 'first' }
      const changed = await hub
        .as(operator)
        .query(
          'mutation ($input: SetCorridorInput!) { setCorridor(input: $input) { ... on Corridor { version } } }',
          { input },
        )
      expect(changed.data).toEqual({ setCorridor: { version: version + 1 } })
      await page.getByRole('button', { name: 'Save terms' }).click()
      await expectShown(page.getByRole('alert').getByText('VERSION_CONFLICT', { exact: true }))
    })

    test('show volume, approval or growth in the grid', async () => {
      const page = await open('/corridors?days=90', operator)
      const cell = page.getByRole('link', { name: /SG-CN:/ })
      await cell.waitFor()
      const volume = await cell.innerText()
      await page.getByRole('button', { name: 'Approval' }).click()
      await page.waitForURL(/show=approval/)
      expect(await cell.innerText()).toMatch(/^\d+%/)
      await page.getByRole('button', { name: 'Growth' }).click()
      await page.waitForURL(/show=growth/)
      expect(await cell.innerText()).toMatch(/^([+-][\d,.]+%|0%|–)/)
      expect(volume).toMatch(/^[\d.]+[kM]?/)
    })

    test('have the p95 and the decline reasons of each cell, as the API has them', async () => {
      // More often than any other reason.
      for (let n = 0; n < 4; n++) await pay('62.00', undefined, 'SIM-AM04')
      const read = async (): Promise<Share> => {
        const { data } = await hub
          .as(operator)
          .query(
            '{ activity(where: { range: { lastDays: 90 } }) { breakdown(by: CORRIDOR, first: 500) { key authorizeMs { p95 } reasons(first: 1) { isoCode message payments } } } }',
          )
        const { breakdown } = (data as { activity: { breakdown: Share[] } }).activity
        return breakdown.find(({ key }) => key === 'SG-CN')!
      }
      await expect.poll(async () => (await read()).reasons[0]?.isoCode, patient).toBe('AM04')
      await expect.poll(async () => (await read()).reasons[0]!.payments, patient).toBeGreaterThanOrEqual(4)
      const { key, authorizeMs, reasons } = await read()
      const page = await open('/corridors?days=90', operator)
      const cell = page.getByRole('link', { name: new RegExp(`${key}:`) })
      await page.getByRole('button', { name: 'p95' }).click()
      await page.waitForURL(/show=p95/)
      expect(await cell.innerText()).toContain(authorizeMs!.p95.toLocaleString('en-GB'))
      await page.getByRole('button', { name: 'Decline reasons' }).click()
      await page.waitForURL(/show=reasons/)
      expect(await cell.innerText()).toContain(reasons[0]!.isoCode)
      expect(await cell.getAttribute('title')).toContain(`${reasons[0]!.payments} × ${reasons[0]!.message}`)
    })

    test('are summed up over any range, whose number leads to its payments', async () => {
      const today = new Date().toISOString().slice(0, 10)
      await pay('61.00')
      const page = await open(`/corridors/SG-CN?from=2026-01-01&to=${today}`, operator)
      await expectShown(page.getByRole('img', { name: 'Payments over time' }))
      await page.getByRole('button', { name: '7 d', exact: true }).click()
      await page.waitForURL(/days=7$/)
      await page.getByRole('button', { name: 'From – to' }).click()
      await page.getByLabel('First day').fill('2026-02-01')
      await page.waitForURL(/from=2026-02-01/)
      await page.locator('.figures a').first().click()
      await page.waitForURL(/payments\?corridor=SG-CN&from=2026-02-01&to=/)
      await page.getByText('61.00').first().waitFor()
    })
  })
}
