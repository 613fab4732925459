// One hub and one Chromium, which the tests of all pages share.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import type { Page } from 'playwright-core'
import { afterAll, expect } from 'vitest'
import { testHub, type TestHub } from '../hub/hub.ts'
import { startBrowser, type TestBrowser } from './browser.ts'
import { cameraOf } from './camera.ts'

/** The keys of a demo by role. */
export const acquirer = 'demo-acquirer'
export const wallet = 'demo-wallet'
export const partner = 'demo-portal'
export const operator = 'demo-operator'

export interface Portal {
  readonly hub: TestHub
  readonly browser: TestBrowser
  /** The video that the camera of the browser shows, once it is written. */
  readonly cameraFile: string
  /** Opens a page of the hub, without a key or with one. */
  open(path: string, key?: string, width?: number): Promise<Page>
  /**
   * Pays at the first merchant of the acquirer, as a client of the API; the id of the payment. A label such
   * as "SIM-AM04" begins its reference.
   */
  pay(amount?: string, merchant?: string, label?: string): Promise<string>
}

/** Starts both; the end of the test file closes them. The file fails when a script failed on any page. */
export async function startPortal(): Promise<Portal> {
  const folder = mkdtempSync(`${tmpdir()}/camera-`)
  const cameraFile = `${folder}/code.y4m`
  const [hub, browser] = await Promise.all([testHub(), startBrowser(cameraOf(cameraFile))])
  afterAll(() => {
    rmSync(folder, { recursive: true })
    // No script failed, and nothing was refused by the policy, on any page.
    if (browser.errors.length > 0) throw new Error(browser.errors.join('\n'))
  })
  return {
    hub,
    browser,
    cameraFile,
    open: (path, key, width) =>
      browser.open(hub.url + path, { ...(key && { key }), ...(width && { width }) }),
    pay: (amount, merchant, label) => pay(hub, amount, merchant, label),
  }
}

let payments = 0

async function pay(
  hub: TestHub,
  amount = '25.00',
  merchant = 'acquirer-cn-01.W000001',
  label = 'payment',
): Promise<string> {
  const name = `${label}-${++payments}`
  const input = {
    idempotencyKey: name,
    reference: name,
    merchant,
    amount: { amount, currency: 'CNY' },
  }
  const { data, errors } = await hub.as(wallet).ask('SubmitPayment', { input })
  expect(errors).toBeUndefined()
  const { id } = (data as { submitPayment: { payment: { id: string } } }).submitPayment.payment
  return id
}
