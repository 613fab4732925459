// Sends every document of schema/operations to a hub, whatever processes it consists of.

import { beforeAll, describe, expect, test } from 'vitest'
import { demoKeys } from '../../gateway/identity/key.ts'
import { until, type Answer, type HubClient } from './client.ts'
import { operations } from './operations.ts'

interface Sent {
  readonly who: 'wallet' | 'acquirer' | 'operator' | 'portal'
  readonly variables?: () => Record<string, unknown>
  /** What `data` has at least. */
  readonly gives: () => Record<string, unknown>
}

/** Declares the tests for a hub with the demo keys. */
export function sendsEveryOperation(hub: { as(key: string): HubClient }): void {
  const clients = new Map(demoKeys.map(({ key }) => [key, hub.as(key)]))
  const as = (who: string) => clients.get(`demo-${who}`)!

  /** Things of this hub that operations are about. */
  const known = {
    merchant: '',
    payload: '',
    payment: '',
    webhook: '',
    /** A payment without an answer. */
    waiting: '',
    /** A code that a customer presents. */
    presented: '',
    participant: 'wallet-sg-01',
    corridor: 'SG-CN',
  }
  let numbers = 0
  const fresh = (): string => `op-${++numbers}`
  /** Nothing of this kind happens here, so nothing is sent there. */
  const aWebhook = () => ({
    idempotencyKey: fresh(),
    url: 'https://hooks.example/crossgate',
    events: ['NEVER_SEEN'],
  })
  const cny = (amount: string) => ({ amount, currency: 'CNY' })

  beforeAll(async () => {
    const { data } = await as('acquirer').query(
      '{ merchants(where: { acquirers: ["acquirer-cn-01"], entryModes: [CPM] }, first: 1) { edges { node { id } } } }',
    )
    known.merchant = data.merchants.edges[0].node.id
    const code = await as('acquirer').ask('IssueCode', {
      input: { idempotencyKey: fresh(), merchant: known.merchant, kind: 'STATIC' },
    })
    known.payload = code.data.issueCode.payload
    const { payload } = known
    const pay = async (reference: string): Promise<string> => {
      const input = {
        idempotencyKey: reference,
        payload,
        amount: cny('9.90'),
        payerCurrency: 'SGD',
        reference,
      }
      const paid = await as('wallet').ask('SubmitPayment', { input })
      if (paid.errors || !paid.data.submitPayment.payment) throw new Error(JSON.stringify(paid))
      return paid.data.submitPayment.payment.id
    }
    known.payment = await pay(fresh())
    known.waiting = await pay('SIM-NOAS')
    const presented = await as('wallet').ask('PresentCode', {
      input: { idempotencyKey: fresh(), token: { reference: 't2' } },
    })
    known.presented = presented.data.presentCode.payload
    await until(
      as('wallet').follow('FollowPayment', { id: known.payment }),
      (answer) => answer.data?.transactionUpdated.transaction.status === 'COMPLETED',
    )
    const hooked = await as('acquirer').ask('CreateWebhook', { input: aWebhook() })
    known.webhook = hooked.data.createWebhook.webhook.id
  })

  const lastMonth = { lastDays: 30 }
  const total = { payments: expect.any(Number) }

  const sent: Readonly<Record<string, Sent>> = {
    // portal.graphql
    Viewer: {
      who: 'portal',
      gives: () => ({ viewer: { participant: { id: 'portal-demo', roles: ['NETWORK'] } } }),
    },
    MerchantCoverage: {
      who: 'portal',
      variables: () => ({ wallet: 'wallet-sg-01', where: null }),
      gives: () => ({ merchantCoverage: { merchants: expect.any(Number), countries: expect.any(Array) } }),
    },
    CoverageMap: {
      who: 'portal',
      variables: () => ({ wallet: null, bounds: { west: 110, south: 20, east: 125, north: 42 }, zoom: 5 }),
      gives: () => ({ merchantCoverage: { cells: expect.any(Array) } }),
    },
    MerchantsNearby: {
      who: 'portal',
      variables: () => ({ near: { lat: 31.23, lng: 121.47, radiusMeters: 50_000 }, first: 5 }),
      gives: () => ({ merchants: { edges: expect.any(Array) } }),
    },
    MerchantDetail: {
      who: 'portal',
      variables: () => ({ id: known.merchant }),
      gives: () => ({
        merchant: { id: known.merchant, acquirer: { id: 'acquirer-cn-01' }, activity: total },
      }),
    },
    Participants: {
      who: 'portal',
      variables: () => ({ where: { roles: ['WALLET'] }, first: 10 }),
      gives: () => ({ participants: { totalCount: expect.any(Number) } }),
    },
    Corridors: { who: 'portal', gives: () => ({ corridors: { edges: expect.any(Array) } }) },
    ExplainRoute: {
      who: 'portal',
      variables: () => ({ wallet: 'wallet-sg-01', merchant: known.merchant, entryMode: 'MPM_STATIC' }),
      gives: () => ({ explainRoute: { accepted: true, corridor: { id: 'SG-CN' } } }),
    },
    Programme: {
      who: 'portal',
      gives: () => ({ programme: { wallets: 172, projects: 19, projectCountries: 19 } }),
    },

    // wallet.graphql
    DecodeQr: {
      who: 'wallet',
      variables: () => ({ payload: known.payload, profile: 'STRICT' }),
      gives: () => ({ decodeQr: { __typename: 'QrCode', merchant: { id: known.merchant } } }),
    },
    QuotePayment: {
      who: 'wallet',
      variables: () => ({ input: { payload: known.payload, amount: cny('30'), payerCurrency: 'SGD' } }),
      gives: () => ({ quotePayment: { __typename: 'Quote', merchantAmount: cny('30.00') } }),
    },
    SubmitPayment: {
      who: 'wallet',
      variables: () => ({
        input: {
          idempotencyKey: fresh(),
          payload: known.payload,
          amount: cny('12.5'),
          payerCurrency: 'SGD',
          reference: fresh(),
        },
      }),
      gives: () => ({ submitPayment: { __typename: 'PaymentReceipt', replayed: false } }),
    },
    CancelPayment: {
      who: 'wallet',
      variables: () => ({ input: { idempotencyKey: fresh(), payment: known.waiting, reason: 'wrong shop' } }),
      gives: () => ({
        cancelPayment: { replayed: false, payment: { status: 'CANCELLING', outcome: 'CANCELLED' } },
      }),
    },
    RefundPayment: {
      who: 'wallet',
      variables: () => ({ input: { idempotencyKey: fresh(), payment: known.payment, amount: cny('1') } }),
      gives: () => ({
        refundPayment: {
          replayed: false,
          refund: {
            status: 'COMPLETED',
            amount: cny('1.00'),
            payment: { id: known.payment, refundedTotal: cny('1.00'), refundable: cny('8.90') },
          },
        },
      }),
    },
    InquirePayment: {
      who: 'wallet',
      variables: () => ({ input: { payment: known.payment } }),
      gives: () => ({ inquirePayment: { payment: { id: known.payment } } }),
    },
    PresentCode: {
      who: 'wallet',
      variables: () => ({ input: { idempotencyKey: fresh(), token: { reference: 't1' } } }),
      gives: () => ({
        presentCode: {
          __typename: 'PresentedCode',
          payload: expect.stringMatching(/^hQVDUFY/),
          svg: expect.stringMatching(/^<svg/),
        },
      }),
    },
    Payment: {
      who: 'wallet',
      variables: () => ({ id: known.payment }),
      gives: () => ({ transaction: { id: known.payment, status: 'COMPLETED' } }),
    },
    Node: {
      who: 'wallet',
      variables: () => ({ id: known.payment }),
      gives: () => ({ node: { __typename: 'Payment', id: known.payment } }),
    },
    PaymentByReference: {
      who: 'wallet',
      variables: () => ({ reference: { reference: 'an unused reference' } }),
      gives: () => ({ transactionByReference: null }),
    },
    Payments: {
      who: 'wallet',
      variables: () => ({ where: { statuses: ['COMPLETED'] }, first: 3 }),
      gives: () => ({ transactions: { pageInfo: { endCursor: expect.any(String) } } }),
    },
    FollowPayment: {
      who: 'wallet',
      variables: () => ({ id: known.payment }),
      gives: () => ({ transactionUpdated: { to: 'COMPLETED', transaction: { id: known.payment } } }),
    },

    // counterparty.graphql
    RespondAuthorization: {
      who: 'acquirer',
      variables: () => ({ input: { payment: known.payment, decision: 'APPROVE' } }),
      gives: () => ({
        respondAuthorization: { replayed: true, payment: { id: known.payment, status: 'COMPLETED' } },
      }),
    },
    ChargePresentedCode: {
      who: 'acquirer',
      variables: () => ({
        input: {
          idempotencyKey: fresh(),
          payload: known.presented,
          merchant: known.merchant,
          amount: cny('5'),
        },
      }),
      gives: () => ({ chargePresentedCode: { replayed: false, payment: { status: 'ROUTED' } } }),
    },
    RegisterMerchants: {
      who: 'acquirer',
      variables: () => ({
        input: {
          merchants: [
            {
              mid: 'TEST1',
              name: 'Tea House',
              mcc: '5812',
              country: 'CN',
              city: 'Shanghai',
              location: { lat: 31.2, lng: 121.4 },
            },
          ],
        },
      }),
      gives: () => ({ registerMerchants: { __typename: 'MerchantsRegistered', created: 1, rejected: [] } }),
    },
    IssueCode: {
      who: 'acquirer',
      variables: () => ({ input: { idempotencyKey: fresh(), merchant: known.merchant, kind: 'STATIC' } }),
      gives: () => ({ issueCode: { __typename: 'MerchantCode', kind: 'STATIC' } }),
    },
    CreateWebhook: {
      who: 'acquirer',
      variables: () => ({ input: aWebhook() }),
      gives: () => ({
        createWebhook: { secret: expect.stringMatching(/^whsec_/), webhook: { status: 'ACTIVE' } },
      }),
    },
    RedeliverWebhook: {
      who: 'acquirer',
      variables: () => ({ input: { delivery: 'none' } }),
      gives: () => ({ redeliverWebhook: { __typename: 'Refused', code: 'NOT_FOUND' } }),
    },
    TestWebhook: {
      who: 'acquirer',
      variables: () => ({ input: { webhook: 'none' } }),
      gives: () => ({ testWebhook: { __typename: 'Refused', code: 'NOT_FOUND' } }),
    },
    WebhookDeliveries: {
      who: 'acquirer',
      variables: () => ({ webhook: known.webhook, first: 5 }),
      gives: () => ({ webhookDeliveries: { edges: [], pageInfo: { hasNextPage: false } } }),
    },

    // dashboard.graphql
    LiveActivity: {
      who: 'portal',
      variables: () => ({ everySeconds: 1 }),
      gives: () => ({ activityUpdated: total }),
    },
    Activity: {
      who: 'portal',
      variables: () => ({ where: { range: lastMonth }, bucket: 'DAY' }),
      gives: () => ({ activity: { ...total, series: expect.any(Array), byCorridor: expect.any(Array) } }),
    },
    BothDirections: {
      who: 'acquirer',
      variables: () => ({ participant: 'acquirer-cn-01', range: lastMonth }),
      gives: () => ({ participant: { id: 'acquirer-cn-01', incoming: total, outgoing: total } }),
    },
    SilentMerchants: {
      who: 'acquirer',
      variables: () => ({ days: 7, first: 5 }),
      gives: () => ({ silentMerchants: { edges: expect.any(Array) } }),
    },
    Alerts: {
      who: 'portal',
      variables: () => ({ where: { open: true }, first: 5 }),
      gives: () => ({ alerts: { edges: [], pageInfo: { hasNextPage: false } } }),
    },

    // operator.graphql
    AcknowledgeAlert: {
      who: 'operator',
      variables: () => ({ input: { alert: 'none', note: 'seen' } }),
      gives: () => ({ acknowledgeAlert: { __typename: 'Refused', code: 'NOT_FOUND' } }),
    },
    ApplyParticipant: {
      who: 'operator',
      variables: () => ({
        input: {
          id: 'wallet-new-01',
          name: 'New Wallet (invented)',
          roles: ['WALLET'],
          country: 'TH',
          settlementCurrency: 'THB',
        },
      }),
      gives: () => ({
        applyParticipant: { __typename: 'Participant', id: 'wallet-new-01', status: 'APPLIED' },
      }),
    },
    CertifyParticipant: {
      who: 'operator',
      variables: () => ({ input: { participant: known.participant, capability: 'WEBHOOK', passed: true } }),
      gives: () => ({ recordCertification: { __typename: 'Participant', id: known.participant } }),
    },
    ChangeParticipantStatus: {
      who: 'operator',
      variables: () => ({
        input: { participant: known.participant, status: 'SUSPENDED', reason: 'A pause' },
      }),
      gives: () => ({ changeParticipantStatus: { __typename: 'Participant', status: 'SUSPENDED' } }),
    },
    SetCorridor: {
      who: 'operator',
      variables: () => ({ input: { id: known.corridor, expectedVersion: 1, basisPoints: 250 } }),
      gives: () => ({ setCorridor: { __typename: 'Corridor', id: known.corridor, version: 2 } }),
    },
    SetProject: {
      who: 'operator',
      variables: () => ({ input: { id: 'sg-sgqr', expectedVersion: 1, status: 'PILOT' } }),
      gives: () => ({ setProject: { __typename: 'Project', id: 'sg-sgqr', version: 2, status: 'PILOT' } }),
    },
    SetQrProduct: {
      who: 'operator',
      variables: () => ({ input: { id: 'qr-cn-001', expectedVersion: 1, acceptsForeignWallets: false } }),
      gives: () => ({
        setQrProduct: { __typename: 'QrProduct', id: 'qr-cn-001', version: 2, acceptsForeignWallets: false },
      }),
    },
    SetMerchantStatus: {
      who: 'acquirer',
      variables: () => ({
        input: {
          idempotencyKey: fresh(),
          merchant: 'acquirer-cn-01.W000003',
          expectedStatus: 'ACTIVE',
          status: 'SUSPENDED',
          reason: 'A pause',
        },
      }),
      gives: () => ({ setMerchantStatus: { __typename: 'Merchant', status: 'SUSPENDED' } }),
    },
    TestConnection: {
      who: 'operator',
      variables: () => ({ input: { participant: known.participant } }),
      gives: () => ({ testConnection: { __typename: 'ConnectionTest', works: true, status: null } }),
    },
    CloseSettlement: {
      who: 'operator',
      variables: () => ({ input: { idempotencyKey: fresh(), settlementDate: '2026-01-01' } }),
      gives: () => ({
        closeSettlement: {
          __typename: 'SettlementBatch',
          id: 'settlement-2026-01-01',
          status: 'CLOSED',
          payments: expect.any(Number),
          net: expect.any(Array),
          file: { url: '/settlement/settlement-2026-01-01.csv' },
        },
      }),
    },
    Settlement: {
      who: 'operator',
      variables: () => ({ first: 5 }),
      gives: () => ({ settlementBatches: { edges: [{ node: { id: 'settlement-2026-01-01' } }] } }),
    },
    SettlementCalendar: {
      who: 'operator',
      variables: () => ({ first: 3 }),
      gives: () => ({
        settlementDates: [
          { isClosable: false, batch: null },
          { isClosable: expect.any(Boolean) },
          { isClosable: true },
        ],
      }),
    },
    ConnectParticipant: {
      who: 'operator',
      variables: () => ({
        input: { participant: known.participant, connection: 'WEBHOOK', url: 'https://wallet.example/hub' },
      }),
      gives: () => ({
        connectParticipant: {
          __typename: 'ParticipantConnected',
          secret: expect.stringMatching(/^whsec_/),
          participant: { connection: 'WEBHOOK', endpointUrl: 'https://wallet.example/hub' },
        },
      }),
    },
    SetRates: {
      who: 'operator',
      variables: () => ({
        input: {
          rows: [{ currency: 'SGD', cny: '5.6' }],
          asOf: new Date(Date.now() - 1000).toISOString(),
          markupBasisPoints: 40,
          idempotencyKey: 'rates',
        },
      }),
      gives: () => ({
        setRates: { __typename: 'RatesSet', version: 1, rates: [{ source: 'SGD', mid: '5.6' }] },
      }),
    },
    Rates: {
      who: 'wallet',
      variables: () => ({ sources: ['SGD'], target: 'CNY' }),
      gives: () => ({ rates: [{ source: 'SGD', mid: '5.6', value: '5.5776', markupBasisPoints: 40 }] }),
    },
    Audit: {
      who: 'operator',
      variables: () => ({ first: 5, where: { actions: ['setRates', 'setCorridor'] } }),
      gives: () => ({
        auditLog: {
          edges: [
            { node: { action: 'setRates', target: 'rates:CNY', actor: { id: 'operator' } } },
            { node: { action: 'setCorridor', target: `corridor:${known.corridor}` } },
          ],
        },
      }),
    },
  }

  // They run in the order of the table: what the operator changes comes last.
  describe('what clients send, as it is written', () => {
    for (const [name, { who, variables = () => ({}), gives }] of Object.entries(sent)) {
      test(`${name}, by ${who}`, async () => {
        const { type: kind } = operations.get(name)!
        const client = as(who)
        const answers = [
          ...(kind === 'subscription' ? [] : [await client.ask(name, variables())]),
          ...(kind === 'mutation' ? [] : [await firstOf(client.follow(name, variables()))]),
        ]
        const expected = gives()
        for (const answer of answers) {
          expect(answer.errors).toBeUndefined()
          expect(answer.data).toMatchObject(expected)
        }
      })
    }

    test('every operation is sent, but for the streams that only new payments or alerts fill', () => {
      expect([...operations.keys()].filter((name) => !(name in sent))).toEqual([
        'AuthorizationRequests',
        'LiveTransactions',
        'AlertEvents',
      ])
    })
  })
}

/** The first answer of a stream, or the errors that it ends with. */
async function firstOf(stream: AsyncIterableIterator<Answer>): Promise<Answer> {
  const first = await stream.next().then(
    ({ value }) => value as Answer,
    (errors: NonNullable<Answer['errors']>): Answer => ({ errors }),
  )
  await stream.return?.()
  return first
}
