// A till and a phone: from a code to a refund, in both directions.

import { describe, expect, test } from 'vitest'
import { expectShown } from '../browser.ts'
import { writeVideo } from '../camera.ts'
import { acquirer, operator, wallet, type Portal } from '../portal.ts'
import { runTypeScript } from '../typescript.ts'

export function describeSandbox({ hub, browser, open, cameraFile }: Portal): void {
  describe('the wallet sandbox', () => {
    test.each([1440, 390])('takes a sale from the code to its refund, %i pixels wide', async (width) => {
      const page = await open('/sandbox', wallet, width)
      await page.getByRole('button', { name: 'Issue code' }).click()
      await page.getByRole('button', { name: 'Scan the code of the till' }).click()
      await page.getByRole('button', { name: /^Pay/ }).click()
      const phone = page.getByRole('region', { name: 'Phone' })
      await expectShown(phone.getByText('Completed').first())
      await phone.getByLabel(/^Refund/).fill('68.00')
      await phone.getByRole('button', { name: 'Refund' }).click()
      await expectShown(phone.getByText('Refunded'))
      await page.getByRole('button', { name: 'curl' }).click()
      expect(await page.locator('pre').textContent()).toContain(`curl -s ${hub.url}/graphql`)
    })

    test('shows a decline with its reason', async () => {
      const page = await open('/sandbox', wallet)
      await page.getByLabel('What the simulated counterparty does').selectOption('SIM-AM04')
      await page.getByRole('button', { name: 'Issue code' }).click()
      await page.getByRole('button', { name: 'Scan the code of the till' }).click()
      await page.getByRole('button', { name: /^Pay/ }).click()
      await expectShown(page.getByText('AM04', { exact: true }))
    })

    test('charges a code that the customer presents', async () => {
      const page = await open('/sandbox', wallet)
      await page.getByRole('button', { name: 'Customer shows the code' }).click()
      await page.getByRole('button', { name: 'Present a code' }).click()
      await page.getByRole('button', { name: 'Charge the presented code' }).click()
      await expectShown(page.getByRole('region', { name: 'Phone' }).getByText('Completed').first())
    })

    test('reads a printed code that was pasted, pays the amount that was typed, and cancels', async () => {
      const page = await open('/sandbox', wallet)
      const phone = page.getByRole('region', { name: 'Phone' })
      await phone.getByLabel('Or paste the text of a code').fill(await printedCode(hub))
      await phone.getByRole('button', { name: 'Read', exact: true }).click()
      await phone.getByLabel('Amount in CNY').fill('12.00')
      await phone.getByRole('button', { name: 'Quote' }).click()
      await phone.getByRole('button', { name: /^Pay/ }).click()
      await phone.getByText('Completed').first().waitFor()
      await phone.getByRole('button', { name: 'Cancel payment' }).click()
      await expectShown(phone.getByText('Cancelled').first())
    })

    test('reads a code from a picture', async () => {
      const page = await open('/sandbox', wallet)
      await page.getByRole('button', { name: 'Issue code' }).click()
      const picture = await page.getByRole('img', { name: 'QR code of the merchant' }).screenshot()
      await page
        .locator('input[type=file]')
        .setInputFiles({ name: 'code.png', mimeType: 'image/png', buffer: picture })
      await expectShown(page.getByRole('button', { name: /^Pay/ }))
    })
  })

  describe('an operation copied as TypeScript', () => {
    test('compiles, and does again what the page did', async () => {
      const page = await browser.open(`${hub.url}/sandbox`, { key: wallet, own: true })
      await page.context().grantPermissions(['clipboard-read', 'clipboard-write'])
      const issued = page.waitForResponse((response) =>
        Boolean(response.request().postData()?.includes('mutation IssueCode')),
      )
      await page.getByRole('button', { name: 'Issue code' }).click()
      const { data } = (await (await issued).json()) as { data: object }
      await page.getByRole('button', { name: 'TypeScript' }).click()
      await page.getByRole('button', { name: /IssueCode/ }).click()
      await page.getByRole('button', { name: 'Copy', exact: true }).click()
      const copied = await page.evaluate(() => navigator.clipboard.readText())
      expect(copied).toContain(`fetch('${hub.url}/graphql'`)
      const { errors, output } = await runTypeScript(copied)
      expect(errors).toEqual([])
      // The idempotency key is among its variables, so the second run has the answer of the first.
      expect(output).toEqual({ data })
    })
  })

  describe('the camera', () => {
    test('reads the code of a till', async () => {
      writeVideo(cameraFile, await printedCode(hub))
      const page = await open('/sandbox', wallet)
      await page.getByRole('button', { name: 'Camera' }).click()
      await expectShown(page.getByText('Printed', { exact: true }).first())
    })
  })
}

let codes = 0

/** The text of a code that a shop of the acquirer shows printed. */
async function printedCode(hub: Portal['hub']): Promise<string> {
  const shops = await hub
    .as(operator)
    .query(
      '{ merchants(where: { acquirers: ["acquirer-cn-01"], entryModes: [MPM_STATIC] }, first: 1) { edges { node { id } } } }',
    )
  const [{ node: shop }] = (shops.data as { merchants: { edges: [{ node: { id: string } }] } }).merchants
    .edges
  const input = { idempotencyKey: `printed-${++codes}`, merchant: shop.id, kind: 'STATIC' }
  const { data } = await hub.as(acquirer).ask('IssueCode', { input })
  return (data as { issueCode: { payload: string } }).issueCode.payload
}
