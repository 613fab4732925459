// The list of payments with its filters and views, and the page of one payment.

import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { aReceiver } from '../../fixtures/a-webhook-receiver.ts'
import { expectShown, visit } from '../browser.ts'
import { acquirer, operator, wallet, type Portal } from '../portal.ts'

export function describePayments({ hub, browser, open, pay }: Portal): void {
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

    test('are kept as a view under a name, with the columns that the viewer chose', async () => {
      const page = await browser.open(`${hub.url}/payments?outcome=SUCCEEDED`, { key: operator, own: true })
      await page.getByRole('button', { name: 'Columns' }).click()
      await page.getByRole('checkbox', { name: 'Acquirer' }).check()
      await page.keyboard.press('Escape')
      await page.getByRole('button', { name: 'Saved views' }).click()
      await page.getByLabel('Name of this view').fill('Paid ones')
      await page.keyboard.press('Enter')
      await page.goto(`${hub.url}/payments`)
      await page.getByRole('button', { name: 'Saved views' }).click()
      await page.getByRole('link', { name: 'Paid ones' }).click()
      await page.waitForURL(/outcome=SUCCEEDED/)
      await expectShown(page.getByRole('columnheader', { name: 'Acquirer' }))
    })

    test('of a wallet are led to by a link, and the filter is removed by a click', async () => {
      const page = await open('/payments?wallet=wallet-sg-01', operator)
      await page.getByRole('button', { name: 'Remove the filter Wallet wallet-sg-01' }).click()
      await page.waitForURL(/payments$/)
      expect(await page.getByRole('button', { name: /^Remove the filter/ }).count()).toBe(0)
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
      const foreign = await pay('51.00', other.id)
      await pay('52.00')
      await page.getByText('52.00').first().waitFor()
      expect(await page.getByText('51.00').count()).toBe(0)
      await visit(page, '/payments')
      await page.getByText('52.00').first().waitFor()
      expect(await page.locator(`a[href="/payments/${foreign}"]`).count()).toBe(0)
      await visit(page, `/payments/${foreign}`)
      await expectShown(page.getByText('There is no such payment').first())
      await visit(page, '/developers')
      await expectShown(page.getByText('No webhooks yet'))
    })

    test('with a key that the hub has withdrawn is led to a key, which is not kept', async () => {
      const page = await open('/live', 'cg_withdrawn')
      await page.getByText('The hub does not accept this key').first().waitFor()
      expect(await page.evaluate(() => sessionStorage.length)).toBe(0)
    })
  })
}
