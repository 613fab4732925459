// The operator's desk: participants, certificates, keys, settlement, projects, rates and audit.

import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { expectShown, patient } from '../browser.ts'
import { operator, wallet, type Portal } from '../portal.ts'

export function describeOperator({ hub, open }: Portal): void {
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

    test('leads a participant from its application to live, by what is missing', async () => {
      const input = {
        id: 'wallet-portal-01',
        name: 'A Wallet of the Portal',
        roles: ['WALLET'],
        country: 'TH',
        settlementCurrency: 'THB',
        idempotencyKey: 'portal-apply',
      }
      await hub.as(operator).ask('ApplyParticipant', { input })
      const page = await open('/operator?status=APPLIED', operator)
      const row = page.getByRole('row', { name: /wallet-portal-01/ })
      await expectShown(row.getByText('not certified: MPM_PAY / CPM_PRESENT'))
      await row.getByRole('link').click()
      const dialog = page.getByRole('dialog')
      const move = async (to: string) => {
        await dialog.getByLabel('Reason of the change').fill(`Ready for ${to}`)
        await dialog.getByRole('button', { name: `→ ${to}` }).click()
        await dialog.getByText(`Ready for ${to}`).first().waitFor()
      }
      await move('In review')
      await move('Sandbox')
      await dialog.getByLabel('Capability').selectOption('MPM_PAY')
      await dialog.getByRole('button', { name: 'Record as passed' }).click()
      await expectShown(dialog.getByText('● Complete'))
      await move('Certifying')
      await move('Live')
      await expectShown(dialog.getByRole('button', { name: '→ Suspended' }))
    })

    test('reads why a date cannot be closed yet, and from when it can', async () => {
      const { data } = await hub
        .as(operator)
        .query('{ settlementDates(first: 1) { settlementDate closableFrom } }')
      const [{ settlementDate, closableFrom }] = (
        data as { settlementDates: [{ settlementDate: string; closableFrom: string }] }
      ).settlementDates
      const page = await open('/operator?tab=settlement', operator)
      await page.getByRole('button', { name: settlementDate.slice(5) }).click()
      await expectShown(page.getByText(`${settlementDate} cannot be closed yet`))
      await page.getByRole('button', { name: 'Close date' }).click()
      await expectShown(page.getByRole('alert').getByText(closableFrom))
    })

    test('closes a date, whose file has the SHA-256 that the page shows', async () => {
      const page = await open('/operator?tab=settlement', operator)
      await page.getByLabel('Settlement date').fill('2026-01-05')
      await page.getByRole('button', { name: 'Close date' }).click()
      const file = page.getByRole('row', { name: /^2026-01-05/ }).getByRole('button', { name: 'CSV' })
      await file.waitFor()
      const download = page.waitForEvent('download')
      await file.click()
      const content = readFileSync(await (await download).path())
      const sha256 = createHash('sha256').update(content).digest('hex')
      expect(await file.getAttribute('title')).toBe(`SHA-256 ${sha256}`)
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

    test('adds a QR product, and changes it from the version that it read', async () => {
      const page = await open('/operator?tab=projects', operator)
      await page.getByRole('button', { name: 'Add QR product' }).click()
      const dialog = page.getByRole('dialog')
      await dialog.getByLabel('id').fill('th-portal-qr')
      await dialog.getByLabel('Name').fill('Codes of the portal')
      await dialog.getByLabel('Country').fill('th')
      await dialog.getByRole('button', { name: 'Save' }).click()
      await page.getByRole('button', { name: 'Edit Codes of the portal' }).click()
      await dialog.getByLabel('Accepts foreign wallets').uncheck()
      await dialog.getByRole('button', { name: 'Save' }).click()
      await expectShown(
        page.getByRole('row', { name: /Codes of the portal/ }).getByText('No', { exact: true }),
      )
      const { data } = await hub.as(operator).query('{ qrProducts { id version acceptsForeignWallets } }')
      const { qrProducts } = data as { qrProducts: { id: string }[] }
      expect(qrProducts.find(({ id }) => id === 'th-portal-qr')).toEqual({
        id: 'th-portal-qr',
        version: 2,
        acceptsForeignWallets: false,
      })
    })

    test('puts a table of rates in force', async () => {
      const page = await open('/operator?tab=rates', operator)
      await page.getByRole('button', { name: 'New table of rates' }).click()
      await page.getByLabel('SGD → CNY').fill('5.4321')
      await page.getByRole('button', { name: 'Put in force' }).click()
      await expectShown(page.getByRole('row', { name: /^SGD/ }).getByText('5.4321', { exact: true }))
    })

    test('issues, rotates and revokes a key, whose text is shown once', async () => {
      const page = await open('/operator?tab=keys&of=wallet-sg-01', operator)
      const row = page.getByRole('row', { name: /Portal journey/ })
      const shown = page.getByRole('status').locator('code')
      const accepted = async (key: string) =>
        (await hub.as(key).query('{ viewer { scopes } }')).errors === undefined
      await page.getByRole('button', { name: 'Issue key' }).click()
      const dialog = page.getByRole('dialog')
      await dialog.getByLabel('Name').fill('Portal journey')
      await dialog.getByRole('checkbox', { name: /payments:read/ }).check()
      await dialog.getByRole('button', { name: 'Issue key' }).click()
      await row.waitFor()
      const first = await shown.innerText()
      expect(await row.innerText()).toContain('coverage:read, payments:read')
      expect(await accepted(first)).toBe(true)

      await page.getByRole('button', { name: 'Rotate Portal journey' }).click()
      await dialog.getByLabel('The earlier key stays valid for').selectOption('1')
      await dialog.getByRole('button', { name: 'Rotate' }).click()
      await expect.poll(() => row.count(), patient).toBe(2)
      const second = await shown.innerText()
      // During the overlap both are accepted.
      expect([first !== second, await accepted(first), await accepted(second)]).toEqual([true, true, true])

      await page.getByRole('button', { name: 'Revoke Portal journey' }).first().click()
      await dialog.getByRole('button', { name: 'Revoke' }).click()
      await expect.poll(() => row.count(), patient).toBe(1)
      await page.getByLabel('Also show expired and revoked keys').check()
      await expectShown(row.getByText('Revoked'))
      await page.reload()
      await row.first().waitFor()
      expect(await page.getByText(second).count()).toBe(0)
      await expect.poll(() => accepted(second), patient).toBe(false)
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

    test('reads the audit, with values before and after', async () => {
      const page = await open('/operator?tab=audit', operator)
      await expectShown(page.getByText(/→/).first())
    })

    test('is not there for another key', async () => {
      const page = await open('/operator', wallet)
      await expectShown(page.getByText('This key does not open this page'))
    })
  })
}
