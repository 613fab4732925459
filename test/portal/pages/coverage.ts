// Merchants from the world to a street, and why a wallet can pay there.

import { describe, expect, test } from 'vitest'
import { expectShown, patient } from '../browser.ts'
import { partner, type Portal } from '../portal.ts'

interface Counts {
  readonly merchants: number
  readonly breakdown: readonly { readonly merchants: number }[]
}

export function describeCoverage({ hub, browser, open }: Portal): void {
  describe('coverage', () => {
    test('leads from a city to a merchant, and explains why a wallet can pay there', async () => {
      const page = await open('/coverage', partner)
      await page.locator('main aside').getByRole('button').first().click()
      await expectShown(page.getByRole('heading', { name: /^Within/ }))
      await page.locator('.list button').first().click()
      await expectShown(page.getByRole('dialog').getByText(/^(Yes|No)\./))
      // The address holds the view: another tab opens the same.
      const again = await browser.open(page.url(), { key: partner, own: true })
      await again
        .getByRole('dialog')
        .getByText(/^(Yes|No)\./)
        .waitFor()
    })

    test('leads from the number of a country to its cities, and on to the wallets that pay at a merchant', async () => {
      const page = await open('/coverage', partner)
      const cities = page.locator('main aside').getByRole('button')
      await page.getByRole('button', { name: /^China/ }).click()
      await page.waitForURL(/country=CN/)
      await expectShown(page.getByRole('button', { name: 'Remove the filter Country China' }))
      await cities
        .filter({ hasText: /, China/ })
        .first()
        .click()
      await page.locator('.list button').first().click()
      const dialog = page.getByRole('dialog')
      await dialog.getByText('Wallets that can pay here').click()
      await dialog.locator('.wallets button').first().click()
      await expectShown(dialog.getByText(/^Yes\./))
    })

    const filters = [
      { label: 'Scenario', parameter: 'scenario', inputOf: (value: string) => ({ scenarios: [value] }) },
      { label: 'Category', parameter: 'mcc', inputOf: (value: string) => ({ mccs: [value] }) },
      { label: 'QR product', parameter: 'product', inputOf: (value: string) => ({ qrProducts: [value] }) },
      {
        label: 'Online',
        parameter: 'online',
        inputOf: (value: string) => ({ online: value === 'yes' }),
      },
    ]
    test.each(filters)(
      'counts the merchants of the filter $label, which the link holds',
      async ({ label, parameter, inputOf }) => {
        const countsOf = async (where: object) => {
          const document =
            'query ($where: MerchantFilter) { merchantCoverage(where: $where) { merchants breakdown(by: COUNTRY, first: 12) { merchants } } }'
          const { data } = await hub.as(partner).query(document, { where })
          const { merchants, breakdown } = (data as { merchantCoverage: Counts }).merchantCoverage
          return {
            all: merchants.toLocaleString('en-GB'),
            byCountry: breakdown.map((share) => share.merchants.toLocaleString('en-GB')),
          }
        }
        const page = await open('/coverage', partner)
        const total = page.locator('.total strong')
        const { all } = await countsOf({})
        await expect.poll(() => total.innerText(), patient).toBe(all)
        const choice = page
          .locator('.filters label', { has: page.locator(`span:text-is("${label}")`) })
          .locator('select')
        await choice.locator('option').nth(1).waitFor({ state: 'attached' })
        const choices = await choice.locator('option').allTextContents()
        await choice.selectOption({ index: 1 })
        const value = await choice.inputValue()
        const { all: filtered, byCountry } = await countsOf(inputOf(value))
        expect(filtered).not.toBe(all)
        await expect.poll(() => total.innerText(), patient).toBe(filtered)
        // A choice has the number that it leads to, and every other one can still be chosen.
        expect(choices.length).toBeGreaterThan(2)
        expect(choices[1]).toMatch(new RegExp(` · ${filtered}$`))
        expect(await choice.locator('option').allTextContents()).toEqual(choices)
        // The shares beside the map are those of the filter too.
        const shares = page.locator('main aside section').filter({ hasText: 'Countries' }).locator('.num')
        const shown = await shares.evaluateAll((each) =>
          each.map((share) => (share as HTMLElement).title.split(' ')[0]),
        )
        expect(shown).toEqual(byCountry)

        await page.reload({ waitUntil: 'commit' })
        await expect.poll(() => total.innerText(), patient).toBe(filtered)
        expect(new URL(page.url()).searchParams.get(parameter)).toBe(value)
        await expect.poll(() => choice.inputValue(), patient).toBe(value)
        await page.getByRole('button', { name: 'Reset' }).click()
        await expect.poll(() => total.innerText(), patient).toBe(all)
      },
    )

    test('lists the merchants of a filter alone', async () => {
      const page = await open('/coverage?at=31.2,121.45,9&scenario=DINING', partner)
      const list = page.locator('.list .what')
      await list.first().waitFor()
      const dining = await list.allInnerTexts()
      await page.getByLabel('Scenario').selectOption('TRANSPORT')
      await expect.poll(() => list.allInnerTexts(), patient).not.toEqual(dining)
      await page.waitForURL(/scenario=TRANSPORT/)
    })

    test('finds a merchant by its name in the local script', async () => {
      const page = await open('/coverage', partner)
      await page.getByLabel('Search').fill('丰海')
      await expectShown(page.locator('.list button').first())
      expect(page.url()).toContain(encodeURIComponent('丰海'))
    })

    test('moves and zooms by the keyboard', async () => {
      const page = await open('/coverage?at=31,121,6', partner)
      await page.getByRole('application').focus()
      await page.keyboard.press('+')
      await page.waitForURL(/7\.00$/)
      expect(page.url()).toMatch(/7\.00$/)
    })
  })
}
