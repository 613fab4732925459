// Merchants from the world to a street, and why a wallet can pay there.

import { describe, expect, test } from 'vitest'
import { expectShown } from '../browser.ts'
import { partner, type Portal } from '../portal.ts'

export function describeCoverage({ hub, open }: Portal): void {
  describe('coverage', () => {
    test('leads from a city to a merchant, and explains why a wallet can pay there', async () => {
      const page = await open('/coverage', partner)
      await page.locator('main aside').getByRole('button').first().click()
      await expectShown(page.getByRole('heading', { name: /^Within/ }))
      await page.locator('.list button').first().click()
      await expectShown(page.getByRole('dialog').getByText(/^(Yes|No)\./))
      // The address holds the view: another tab opens the same.
      const again = await open(page.url().replace(hub.url, ''), partner)
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
