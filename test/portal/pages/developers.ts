// Webhooks, own keys, codes and the IDE.

import { describe, expect, test } from 'vitest'
import { aReceiver } from '../../fixtures/a-webhook-receiver.ts'
import { expectShown } from '../browser.ts'
import { acquirer, wallet, type Portal } from '../portal.ts'

export function describeDevelopers({ hub, open, pay }: Portal): void {
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

    test('see a delivery that failed, send it again, and rotate the secret', async () => {
      const receiver = await aReceiver(500)
      const input = { idempotencyKey: 'portal-again', url: `${receiver.url}/again`, events: ['SUBMITTED'] }
      await hub.as(acquirer).ask('CreateWebhook', { input })
      await pay('14.00')
      await receiver.until(1)
      const page = await open('/developers', acquirer)
      const row = page.getByRole('row', { name: /\/again/ })
      await row.getByRole('button', { name: /\/again/ }).click()
      await page
        .getByText(/^Send again$/)
        .first()
        .waitFor()
      receiver.answer = 200
      await page.getByRole('button', { name: 'Send again' }).first().click()
      await receiver.until(2)
      expect(receiver.received[1]!.body).toBe(receiver.received[0]!.body)
      await page.getByLabel(/^After a rotation/).selectOption('1')
      await row.getByRole('button', { name: 'Rotate secret' }).click()
      await expectShown(page.getByText(/^whsec_/))
    })

    test('find a code by its text, and open the IDE', async () => {
      const page = await open('/developers?tab=codes', acquirer)
      await page.getByLabel('Search codes').fill('quote has expired')
      await expectShown(page.getByRole('row', { name: /^QUOTE_EXPIRED/ }))
      await page.getByRole('button', { name: 'IDE', exact: true }).click()
      expect(await page.getByRole('link', { name: 'Open the IDE' }).getAttribute('href')).toBe('/graphiql/')
    })

    test('issue a key of their own, and see none of another participant', async () => {
      const page = await open('/developers?tab=keys', acquirer)
      await page.getByRole('button', { name: 'Issue key' }).click()
      const dialog = page.getByRole('dialog')
      // A key grants at most what the key of its maker grants.
      expect(await dialog.getByRole('checkbox', { name: /operator/ }).count()).toBe(0)
      await dialog.getByLabel('Name').fill('Tills of the north')
      await dialog.getByRole('button', { name: 'Issue key' }).click()
      await expectShown(page.getByRole('row', { name: /Tills of the north/ }))
      const key = await page.getByRole('status').locator('code').innerText()
      const { data } = await hub.as(key).query('{ viewer { participant { id } scopes } }')
      expect(data).toEqual({ viewer: { participant: { id: 'acquirer-cn-01' }, scopes: ['coverage:read'] } })
      expect(await page.getByText('Portal journey').count()).toBe(0)
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
}
