import { describe, expect, test } from 'vitest'
import { createKeyStore } from '../../gateway/identity/key-store.ts'
import { anId } from '../fixtures/an-id.ts'
import { until, type Answer, type HubClient } from './client.ts'
import { testHub } from './hub.ts'

const hub = await testHub()
const wallet = hub.as('demo-wallet')
const acquirer = hub.as('demo-acquirer')
const operator = hub.as('demo-operator')

let numbers = 0
const unique = (what: string): string => `${what}-${++numbers}`

/** A merchant of the demo acquirer. */
async function aMerchant(): Promise<{ id: string; name: string; city: string }> {
  const { data } = await acquirer.query(
    '{ merchants(where: { acquirers: ["acquirer-cn-01"] }, first: 1) { edges { node { id name city } } } }',
  )
  return data.merchants.edges[0].node
}

/** A code for a sale, as the merchant would show it. */
async function aCode(merchant: string, amount: string): Promise<string> {
  const input = {
    idempotencyKey: unique('code'),
    merchant,
    kind: 'DYNAMIC',
    amount: { amount, currency: 'CNY' },
  }
  const { data } = await acquirer.ask('IssueCode', { input })
  expect(data.issueCode).toMatchObject({
    __typename: 'MerchantCode',
    kind: 'DYNAMIC',
    merchant: { id: merchant },
  })
  expect(data.issueCode.svg).toMatch(/^<svg/)
  return data.issueCode.payload
}

async function aQuote(payload: string) {
  const { data } = await wallet.ask('QuotePayment', { input: { payload, payerCurrency: 'SGD' } })
  expect(data.quotePayment.__typename).toBe('Quote')
  return data.quotePayment
}

const submit = (client: HubClient, input: Record<string, unknown>): Promise<Answer> =>
  client.ask('SubmitPayment', { input })

/** Moves of a payment, from where it stands until it has completed. */
async function completion(client: HubClient, id: string): Promise<string[]> {
  const seen: string[] = []
  const moves = client.follow('FollowPayment', { id })
  await until(moves, ({ data }) => {
    seen.push(data.transactionUpdated.to)
    return data.transactionUpdated.to === 'COMPLETED'
  })
  await moves.return?.()
  return seen
}

describe('a visitor pays a mainland merchant', () => {
  test('from the code to COMPLETED, seen live by all three sides', async () => {
    const merchant = await aMerchant()
    const payload = await aCode(merchant.id, '215.50')

    const { data } = await wallet.ask('DecodeQr', { payload })
    expect(data.decodeQr).toMatchObject({
      __typename: 'QrCode',
      mode: 'MPM',
      pointOfInitiation: 'DYNAMIC',
      warnings: [],
      amount: { amount: '215.50', currency: 'CNY' },
      merchant: { id: merchant.id, name: merchant.name, acquirer: { id: 'acquirer-cn-01' } },
    })

    const quote = await aQuote(payload)
    expect(quote).toMatchObject({
      corridor: { id: 'SG-CN' },
      merchant: { id: merchant.id },
      merchantAmount: { amount: '215.50', currency: 'CNY' },
      payerAmount: { currency: 'SGD' },
      rate: { source: 'SGD', target: 'CNY' },
    })
    // The corridor is free up to CNY 200; above it, the payer bears the fee.
    expect(quote.fees).toEqual([
      {
        kind: 'NETWORK',
        amount: { amount: expect.stringMatching(/^\d+\.\d\d$/), currency: 'SGD' },
        paidBy: 'PAYER',
      },
    ])

    await Promise.all([wallet, acquirer, operator].map((client) => client.connected()))
    const streams = [wallet, acquirer, operator].map((client) => client.follow('LiveTransactions'))
    const completions = streams.map((stream) =>
      until(stream, (answer) => answer.data?.transactionEvents.to === 'COMPLETED'),
    )

    const reference = unique('order')
    const submitted = await submit(wallet, { idempotencyKey: unique('pay'), quote: quote.id, reference })
    expect(submitted.errors).toBeUndefined()
    expect(submitted.data.submitPayment).toMatchObject({
      __typename: 'PaymentReceipt',
      replayed: false,
      payment: {
        reference,
        rrn: expect.stringMatching(/^\d{12}$/),
        corridor: { id: 'SG-CN', direction: 'INBOUND' },
        merchant: { id: merchant.id, name: merchant.name, city: merchant.city },
        wallet: { id: 'wallet-sg-01' },
        acquirer: { id: 'acquirer-cn-01' },
        merchantAmount: { amount: '215.50', currency: 'CNY' },
        payerAmount: quote.payerAmount,
      },
    })
    const { id } = submitted.data.submitPayment.payment

    const moves = await completion(wallet, id)
    expect(moves.at(-1)).toBe('COMPLETED')

    for (const completed of await Promise.all(completions)) {
      expect(completed.data.transactionEvents).toMatchObject({
        cursor: expect.any(String),
        kind: 'APPROVED',
        from: 'ROUTED',
        to: 'COMPLETED',
        transaction: {
          id,
          kind: 'PAYMENT',
          merchantAmount: { amount: '215.50', currency: 'CNY' },
          reportingValue: { amount: '215.50', currency: 'CNY' },
          merchant: { name: merchant.name, city: merchant.city, country: { code: 'CN' } },
          wallet: { country: { code: 'SG' } },
          corridor: { id: 'SG-CN', direction: 'INBOUND' },
        },
      })
    }
    for (const stream of streams) await stream.return?.()

    const read = await wallet.ask('Payment', { id })
    expect(read.data.transaction).toMatchObject({
      id,
      status: 'COMPLETED',
      outcome: 'SUCCEEDED',
      reason: null,
    })
    expect(read.data.transaction.events.map(({ to }: { to: string }) => to)).toEqual([
      'RECEIVED',
      'ROUTED',
      'COMPLETED',
    ])
    const byReference = await wallet.ask('PaymentByReference', { reference: { reference } })
    expect(byReference.data.transactionByReference.id).toBe(id)
    const newest = await wallet.ask('Payments', { where: null, first: 1 })
    expect(newest.data.transactions.edges[0].node.id).toBe(id)
  })

  test('a repeated key gives the same payment, and a conflict with another input', async () => {
    const { id: merchant } = await aMerchant()
    const quote = await aQuote(await aCode(merchant, '35.00'))
    const input = { idempotencyKey: unique('pay'), quote: quote.id, reference: unique('order') }
    const answers = await Promise.all(Array.from({ length: 16 }, () => submit(wallet, input)))
    const receipts = answers.map(({ data }) => data.submitPayment)
    expect(new Set(receipts.map(({ payment }) => payment.id)).size).toBe(1)
    expect(receipts.filter(({ replayed }) => !replayed)).toHaveLength(1)

    const other = await submit(wallet, { ...input, reference: unique('order') })
    expect(other.data.submitPayment).toMatchObject({
      __typename: 'IdempotencyConflict',
      code: 'IDEMPOTENCY_CONFLICT',
      firstUsedAt: expect.any(String),
    })
    const used = await submit(wallet, { ...input, idempotencyKey: unique('pay'), reference: unique('order') })
    expect(used.data.submitPayment).toMatchObject({ __typename: 'Refused', code: 'QUOTE_USED' })
  })

  test('and a wallet of another country sees nothing of it', async () => {
    const { id: merchant } = await aMerchant()
    const quote = await aQuote(await aCode(merchant, '12.00'))
    const { data } = await submit(wallet, {
      idempotencyKey: unique('pay'),
      quote: quote.id,
      reference: unique('order'),
    })
    const { id } = data.submitPayment.payment
    await completion(wallet, id)

    const key = await createKeyStore(hub.database.db).issue(
      { participant: anId('wallet-th-01'), scopes: ['payments:read', 'payments:write'], label: 'stranger' },
      new Date(),
    )
    const stranger = hub.as(key)
    await expect
      .poll(async () => (await stranger.ask('Viewer')).data?.viewer.participant.id)
      .toBe('wallet-th-01')
    expect((await stranger.ask('Payment', { id })).data.transaction).toBeNull()
    expect(
      (await submit(stranger, { idempotencyKey: 'x', quote: quote.id, reference: 'x' })).data.submitPayment,
    ).toMatchObject({
      code: 'QUOTE_UNKNOWN',
    })
  })

  test('is answered by an acquirer with its own decision', async () => {
    const { id: merchant } = await aMerchant()
    const quote = await aQuote(await aCode(merchant, '64.00'))
    // The simulator leaves such a payment unanswered.
    const reference = `SIM-NOAS-${unique('order')}`
    const { data } = await submit(wallet, { idempotencyKey: unique('pay'), quote: quote.id, reference })
    const { id } = data.submitPayment.payment

    const requests = acquirer.follow('AuthorizationRequests')
    const asked = await until(requests, (answer) => answer.data?.authorizationRequests.payment.id === id)
    await requests.return?.()
    expect(asked.data.authorizationRequests).toMatchObject({
      respondBy: expect.any(String),
      payment: { merchant: { id: merchant }, merchantAmount: { amount: '64.00', currency: 'CNY' } },
    })
    const answered = await acquirer.ask('RespondAuthorization', {
      input: { payment: id, decision: 'DECLINE', reason: 'AM04' },
    })
    expect(answered.data.respondAuthorization).toMatchObject({
      replayed: false,
      payment: { id, status: 'DECLINED' },
    })
    expect((await wallet.ask('Payment', { id })).data.transaction).toMatchObject({
      status: 'DECLINED',
      outcome: 'FAILED',
      reason: { code: 'INSUFFICIENT_FUNDS', isoCode: 'AM04', retryable: true },
    })
  })

  test('works over WebSocket alone as well', async () => {
    const { id: merchant } = await aMerchant()
    const payload = await aCode(merchant, '88.00')
    const once = async (name: string, variables: Record<string, unknown>) =>
      (await wallet.follow(name, variables).next()).value.data
    const { quotePayment } = await once('QuotePayment', { input: { payload, payerCurrency: 'SGD' } })
    const { submitPayment } = await once('SubmitPayment', {
      input: { idempotencyKey: unique('pay'), quote: quotePayment.id, reference: unique('order') },
    })
    expect(await completion(wallet, submitPayment.payment.id)).toContain('COMPLETED')
  })

  test('a code that was changed by one character is refused, with the place', async () => {
    const { id: merchant } = await aMerchant()
    const payload = await aCode(merchant, '10.00')
    const { data } = await wallet.ask('DecodeQr', { payload: payload.replace('5802CN', '5802CM') })
    expect(data.decodeQr).toMatchObject({ __typename: 'QrInvalid', code: 'QR_INVALID', tag: '63' })
  })
})

describe('a hub that is stopped and started again', () => {
  test('has everything that it acknowledged, and resumes from there', async () => {
    const { id: merchant } = await aMerchant()
    const quote = await aQuote(await aCode(merchant, '20.00'))
    const input = { idempotencyKey: unique('pay'), quote: quote.id, reference: unique('order') }
    const { data } = await submit(wallet, input)
    const { id } = data.submitPayment.payment
    await completion(wallet, id)
    await hub.close()

    const again = await testHub(hub.database)
    const back = again.as('demo-wallet')
    expect((await back.ask('Payment', { id })).data.transaction).toMatchObject({ status: 'COMPLETED' })
    expect((await submit(back, input)).data.submitPayment).toMatchObject({ replayed: true, payment: { id } })
    await again.close()
  })
})
