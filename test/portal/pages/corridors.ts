// The grid of corridors, their terms, and charts over any range.

import { describe, expect, test } from 'vitest'
import { expectShown, patient, visit } from '../browser.ts'
import { operator, type Portal } from '../portal.ts'

interface Share {
  readonly key: string
  readonly payments: number
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

    const shareOfCorridor = async (): Promise<Share | undefined> => {
      const { data } = await hub
        .as(operator)
        .query(
          '{ activity(where: { range: { lastDays: 90 } }) { breakdown(by: CORRIDOR, first: 500) { key payments authorizeMs { p95 } reasons(first: 1) { isoCode message payments } } } }',
        )
      const { breakdown } = (data as { activity: { breakdown: Share[] } }).activity
      return breakdown.find(({ key }) => key === 'SG-CN')
    }

    test('show volume, approval or growth in the grid', async () => {
      await pay('60.00')
      await expect.poll(async () => (await shareOfCorridor())?.payments ?? 0, patient).toBeGreaterThan(0)
      const page = await open('/corridors?days=90', operator)
      const cell = page.getByRole('link', { name: /SG-CN:/ })
      const shows = (text: RegExp) => expect.poll(() => cell.innerText(), patient).toMatch(text)
      await shows(/^[\d.]+[kM]?/)
      await page.getByRole('button', { name: 'Approval' }).click()
      await page.waitForURL(/show=approval/)
      await shows(/^[\d.]+%/)
      await page.getByRole('button', { name: 'Growth' }).click()
      await page.waitForURL(/show=growth/)
      await shows(/^([+-][\d,.]+%|0%|–)/)
    })

    test('have the p95 and the decline reasons of each cell, as the API has them', async () => {
      // More often than any other reason.
      for (let n = 0; n < 4; n++) await pay('62.00', undefined, 'SIM-AM04')
      await expect.poll(async () => (await shareOfCorridor())?.reasons[0]?.isoCode, patient).toBe('AM04')
      const page = await open('/corridors?days=90', operator)
      const cell = page.getByRole('link', { name: /SG-CN:/ })
      // Payments are still being counted: each reading of the page is compared with one of the API.
      const differences = async (): Promise<readonly string[]> => {
        const { authorizeMs, reasons } = (await shareOfCorridor())!
        const [reason] = reasons
        await visit(page, '/nowhere')
        await visit(page, '/corridors?days=90&show=p95')
        const p95 = await cell.innerText()
        await page.getByRole('button', { name: 'Decline reasons' }).click()
        await page.waitForURL(/show=reasons/)
        const shown = `${p95} ${await cell.innerText()} ${await cell.getAttribute('title')}`
        const expected = [
          authorizeMs!.p95.toLocaleString('en-GB'),
          reason!.isoCode,
          `${reason!.payments} × ${reason!.message}`,
        ]
        return expected.filter((text) => !shown.includes(text))
      }
      await expect.poll(differences, patient).toEqual([])
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
