import fc from 'fast-check'
import { Webhook } from 'standardwebhooks'
import { afterAll, describe, expect, test } from 'vitest'
import { money } from '../../../../schema/values/money.ts'
import {
  createWebhookRequestSender,
  replyOf,
  requestBody,
  retryUntilRespondBy,
} from '../../../../subgraphs/transaction/counterparty/webhook-request.ts'
import type { RequestKind } from '../../../../subgraphs/transaction/payment/counterparty-request.ts'
import type { Payment } from '../../../../subgraphs/transaction/payment/payment.ts'
import { openHttpSender, type SendOutcome } from '../../../../subgraphs/transaction/webhooks/http-sender.ts'
import { newSigningSecret } from '../../../../subgraphs/shared/signing-secret.ts'
import { aClock } from '../../../fixtures/a-programme.ts'
import { anId } from '../../../fixtures/an-id.ts'
import { aReceiver, hangs, type Receiver } from '../../../fixtures/a-webhook-receiver.ts'

const httpSender = openHttpSender({ reach: 'LOOPBACK', timeoutMs: 2_000 })
afterAll(() => httpSender.close())
const secret = newSigningSecret()
const secrets = [{ secret, notAfter: null }]

const aPayment = (now: Date, more: Partial<Payment> = {}): Payment =>
  ({
    _id: '0199-aaaa',
    createdAt: now,
    respondBy: new Date(now.getTime() + 8_000),
    sequence: 2,
    wallet: 'wallet-sg-01',
    acquirer: 'acquirer-cn-01',
    counterparty: 'acquirer-cn-01',
    merchant: 'acquirer-cn-01.M1',
    corridor: 'SG-CN',
    entryMode: 'MPM_STATIC',
    reference: 'order 7',
    rrn: '000000000007',
    customer: 'payer 1',
    token: { reference: 't1', lastFour: '4242' },
    merchantAmount: money(8_850n, 'CNY'),
    payerAmount: money(1_651n, 'SGD'),
    ...more,
  }) as Payment

/** Sends over real HTTP. Waits between attempts move the clock, and are recorded in `waits`. */
function aPost(receiver: Pick<Receiver, 'url'>, kind: RequestKind = 'AUTHORIZE') {
  const clock = aClock(new Date())
  const waits: number[] = []
  const pause = async (ms: number) => {
    waits.push(ms)
    clock.move(ms)
  }
  const post = createWebhookRequestSender({
    httpSender,
    now: clock.now,
    retry: retryUntilRespondBy(clock.now, pause),
  })
  const payment = aPayment(clock.now())
  const send = (signal?: AbortSignal) => post({ kind, payment }, { url: receiver.url, secrets }, signal)
  return { send, waits, clock, payment }
}

const answering = (body: unknown) => (response: { end(text: string): void }) =>
  response.end(typeof body === 'string' ? body : JSON.stringify(body))

describe('a request to a counterparty', () => {
  test('is a signed POST with the payment and its deadline', async () => {
    const receiver = await aReceiver(answering({ decision: 'APPROVE', reference: 'A-1' }))
    const { send, payment } = aPost(receiver)
    expect(await send()).toEqual({ kind: 'ANSWER', decision: 'APPROVE', reason: null, reference: 'A-1' })
    const { headers, body } = receiver.received[0]!
    expect(headers['webhook-id']).toBe('0199-aaaa_authorize')
    expect(new Webhook(secret).verify(body, headers)).toEqual({
      type: 'payment.authorize',
      timestamp: payment.createdAt.toISOString(),
      data: {
        respondBy: payment.respondBy.toISOString(),
        payment: {
          id: '0199-aaaa',
          createdAt: payment.createdAt.toISOString(),
          reference: 'order 7',
          rrn: '000000000007',
          entryMode: 'MPM_STATIC',
          wallet: 'wallet-sg-01',
          acquirer: 'acquirer-cn-01',
          merchant: 'acquirer-cn-01.M1',
          corridor: 'SG-CN',
          merchantAmount: { amount: '88.50', currency: 'CNY' },
          payerAmount: { amount: '16.51', currency: 'SGD' },
        },
      },
    })
  })

  test('identifies the payer only to the payer’s own wallet', () => {
    const now = new Date()
    const data = (payment: Payment) =>
      (JSON.parse(requestBody({ kind: 'AUTHORIZE', payment })) as { data: object }).data
    expect(data(aPayment(now))).not.toHaveProperty('customer')
    expect(data(aPayment(now))).not.toHaveProperty('token')
    expect(data(aPayment(now, { entryMode: 'CPM', counterparty: anId('wallet-sg-01') }))).toMatchObject({
      customer: 'payer 1',
      token: { reference: 't1', lastFour: '4242' },
    })
  })

  test.each<{ kind: RequestKind; body: object; answer: object }>([
    { kind: 'AUTHORIZE', body: { decision: 'APPROVE' }, answer: { decision: 'APPROVE', reason: null } },
    {
      kind: 'AUTHORIZE',
      body: { decision: 'DECLINE' },
      answer: { decision: 'DECLINE', reason: 'UNSPECIFIED' },
    },
    {
      kind: 'AUTHORIZE',
      body: { decision: 'DECLINE', reason: 'AM04' },
      answer: { decision: 'DECLINE', reason: 'INSUFFICIENT_FUNDS' },
    },
    {
      kind: 'AUTHORIZE',
      body: { decision: 'DECLINE', reason: 'constructor' },
      answer: { decision: 'DECLINE', reason: 'UNSPECIFIED' },
    },
    { kind: 'INQUIRE', body: { decision: 'APPROVE' }, answer: { decision: 'APPROVE' } },
    { kind: 'INQUIRE', body: { decision: 'NEVER_SEEN' }, answer: { decision: 'NEVER_SEEN' } },
    { kind: 'REVERSE', body: { decision: 'ACKNOWLEDGE' }, answer: { decision: 'ACKNOWLEDGE' } },
    { kind: 'CANCEL', body: { decision: 'ACKNOWLEDGE' }, answer: { decision: 'ACKNOWLEDGE' } },
  ])('$kind may be answered with $body', async ({ kind, body, answer }) => {
    const receiver = await aReceiver(answering(body))
    expect(await aPost(receiver, kind).send()).toMatchObject({ kind: 'ANSWER', ...answer })
  })

  test.each([202, 204])('answered with %i is accepted, and answered later', async (status) => {
    const receiver = await aReceiver(status)
    expect(await aPost(receiver).send()).toEqual({ kind: 'ACCEPTED' })
    expect(receiver.received).toHaveLength(1)
  })

  test.each<{ what: string; kind?: RequestKind; body: unknown }>([
    { what: 'nothing', body: '' },
    { what: 'no JSON', body: '<html>DECLINE</html>' },
    { what: 'a list', body: [] },
    { what: 'null', body: 'null' },
    { what: 'no decision', body: { reason: 'AM04' } },
    { what: 'a decision in small letters', body: { decision: 'decline' } },
    { what: 'a decision that is none', body: { decision: 'MAYBE' } },
    { what: 'a decision for another request', body: { decision: 'ACKNOWLEDGE' } },
    { what: 'NEVER_SEEN to an authorization', body: { decision: 'NEVER_SEEN' } },
    { what: 'an approval of a reversal', kind: 'REVERSE', body: { decision: 'APPROVE' } },
    { what: 'an approval with a reason not to', body: { decision: 'APPROVE', reason: 'AM04' } },
    { what: 'a reason that is no text', body: { decision: 'DECLINE', reason: 7 } },
    { what: 'a reference that is too long', body: { decision: 'APPROVE', reference: 'r'.repeat(65) } },
    { what: 'more than 64 KB', body: { decision: 'DECLINE', padding: 'x'.repeat(70_000) } },
  ])(
    'answered with $what is in doubt, and never taken for a decline',
    async ({ kind = 'AUTHORIZE', body }) => {
      const receiver = await aReceiver(answering(body))
      expect(await aPost(receiver, kind).send()).toEqual({ kind: 'UNKNOWN', error: expect.any(String) })
      expect(receiver.received).toHaveLength(1)
    },
  )

  test.each([301, 400, 401, 404, 410])('answered with %i is in doubt, and not repeated', async (status) => {
    const receiver = await aReceiver(status)
    expect(await aPost(receiver).send()).toEqual({
      kind: 'UNKNOWN',
      error: `the counterparty answered with HTTP status ${status}`,
    })
    expect(receiver.received).toHaveLength(1)
  })

  test('is a decline only for a clear DECLINE, whatever the response', () => {
    const outcome: fc.Arbitrary<SendOutcome> = fc.record({
      kind: fc.constant('ANSWERED' as const),
      status: fc.constantFrom(200, 202, 204, 301, 400, 500),
      body: fc.oneof(
        fc.string(),
        fc.json(),
        fc
          .record({
            decision: fc.constantFrom('APPROVE', 'DECLINE', 'NO', null),
            reason: fc.option(fc.string()),
          })
          .map((body) => JSON.stringify(body)),
      ),
      latencyMs: fc.constant(1),
    })
    fc.assert(
      fc.property(outcome, (given) => {
        const reply = replyOf('AUTHORIZE', given)
        if (reply.kind !== 'ANSWER') return
        const said = given.kind === 'ANSWERED' ? (JSON.parse(given.body) as { decision: unknown }) : null
        expect(given).toMatchObject({ status: 200 })
        expect(reply.decision).toBe(said?.decision)
      }),
      { numRuns: 500 },
    )
  })
})

describe('repeating a request', () => {
  test.each([500, 503, 429])('after %i, under the same id, until it answers', async (status) => {
    const receiver = await aReceiver((response) => {
      if (receiver.received.length < 3) response.writeHead(status).end()
      else response.end('{"decision":"APPROVE"}')
    })
    const { send, waits } = aPost(receiver)
    expect(await send()).toMatchObject({ kind: 'ANSWER', decision: 'APPROVE' })
    expect(waits).toEqual([250, 1_000])
    expect(new Set(receiver.received.map(({ headers }) => headers['webhook-id'])).size).toBe(1)
    expect(new Set(receiver.received.map(({ body }) => body)).size).toBe(1)
  })

  test('continues until the deadline when no server listens, and then nothing has arrived', async () => {
    const receiver = await aReceiver()
    await receiver.close()
    const { send, waits } = aPost(receiver)
    expect(await send()).toEqual({ kind: 'UNDELIVERED', error: expect.stringContaining('ECONNREFUSED') })
    expect(waits).toEqual([250, 1_000, 3_000, 3_000])
  })

  test('continues no longer when the payment was written by a clock a day ahead', async () => {
    const receiver = await aReceiver()
    await receiver.close()
    const { send, waits, clock } = aPost(receiver)
    clock.move(-86_400_000)
    expect(await send()).toMatchObject({ kind: 'UNDELIVERED' })
    expect(waits).toEqual([250, 1_000, 3_000, 3_000])
  })

  test('ends in doubt when an earlier attempt arrived, though the last one did not', async () => {
    const receiver = await aReceiver((response) => {
      response.writeHead(500, { connection: 'close' }).end()
      response.on('close', () => void receiver.close())
    })
    expect(await aPost(receiver).send()).toEqual({ kind: 'UNKNOWN', error: expect.any(String) })
  })

  test('does not happen when the request may have arrived', async () => {
    const receiver = await aReceiver((response) => response.destroy())
    const { send, waits } = aPost(receiver)
    expect(await send()).toMatchObject({ kind: 'UNKNOWN' })
    expect(waits).toEqual([])
    expect(receiver.received).toHaveLength(1)
  })

  test.each(['INQUIRE', 'REVERSE', 'CANCEL'] as const)('is left to the timeout worker: %s', async (kind) => {
    const receiver = await aReceiver(503)
    expect(await aPost(receiver, kind).send()).toEqual({
      kind: 'UNKNOWN',
      error: 'the counterparty answered with HTTP status 503',
    })
    expect(receiver.received).toHaveLength(1)
    await receiver.close()
    expect(await aPost(receiver, kind).send()).toMatchObject({ kind: 'UNDELIVERED' })
  })

  test('ends when the signal is aborted', async () => {
    const receiver = await aReceiver(hangs)
    const closing = new AbortController()
    const sending = aPost(receiver).send(closing.signal)
    await receiver.until(1)
    closing.abort()
    expect(await sending).toMatchObject({ kind: 'UNKNOWN' })
  })

  test('does not begin after the deadline, or without a valid secret', async () => {
    const receiver = await aReceiver()
    const { send, clock, payment } = aPost(receiver)
    clock.move(8_000)
    expect(await send()).toMatchObject({
      kind: 'UNDELIVERED',
      error: 'the deadline of the payment has passed',
    })
    const post = createWebhookRequestSender({ httpSender, now: clock.now, retry: async () => false })
    const ended = { url: receiver.url, secrets: [{ secret, notAfter: clock.now() }] }
    expect(await post({ kind: 'INQUIRE', payment }, ended)).toMatchObject({ kind: 'UNDELIVERED' })
    expect(receiver.received).toEqual([])
  })

  test('has a new id for each inquiry, and the same id for a repeated reversal', async () => {
    const receiver = await aReceiver(answering({ decision: 'ACKNOWLEDGE' }))
    const clock = aClock(new Date())
    const post = createWebhookRequestSender({ httpSender, now: clock.now, retry: async () => false })
    const later = [3, 4].map((sequence) => aPayment(clock.now(), { sequence }))
    for (const kind of ['INQUIRE', 'REVERSE'] as const) {
      for (const payment of later) await post({ kind, payment }, { url: receiver.url, secrets })
    }
    expect(receiver.received.map(({ headers }) => headers['webhook-id'])).toEqual([
      '0199-aaaa_inquire_3',
      '0199-aaaa_inquire_4',
      '0199-aaaa_reverse',
      '0199-aaaa_reverse',
    ])
  })
})
