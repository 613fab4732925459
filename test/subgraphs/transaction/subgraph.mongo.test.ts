import { parse } from 'graphql'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { money } from '../../../schema/values/money.ts'
import { batchOf, logOf, readLog } from '../../../subgraphs/log/store.ts'
import { connect } from '../../../subgraphs/platform/mongo/client.ts'
import type { ScannedCode } from '../../../subgraphs/shared/merchant-directory.ts'
import type { RequestContext } from '../../../subgraphs/shared/viewer.ts'
import { openTransactionSubgraph, type TransactionSubgraph } from '../../../subgraphs/transaction/index.ts'
import { createCursors } from '../../../subgraphs/shared/cursor.ts'
import { aDirectory, aMerchant, aRegistry, as, quietLog } from '../../fixtures/a-programme.ts'
import { freshDatabase } from '../../harness/mongo.ts'

const { db, uri, name } = await freshDatabase()
const wallet = as('wallet-sg-01')
const acquirer = as('acquirer-cn-01')
const operator = as('operator')
const network = as('network-unionpay')

const labelled: ScannedCode = {
  merchant: aMerchant('acquirer-cn-02.M1'),
  entryMode: 'MPM_DYNAMIC',
  amount: money(8_850n, 'CNY'),
  tip: null,
  referenceLabel: 'SIM-AM04',
}
const start = (database = db): Promise<TransactionSubgraph> =>
  openTransactionSubgraph({
    db: database,
    registry: aRegistry(),
    directory: aDirectory(new Map([['a code whose label declines', labelled]])),
    now: () => new Date(),
    logger: quietLog,
    cursorSecret: 'a secret',
  })

let hub: TransactionSubgraph
beforeAll(async () => {
  hub = await start()
})
afterAll(() => hub.close())

type Data = Record<string, any> // eslint-disable-line typescript/no-explicit-any
async function ask(document: string, context: RequestContext, variables: object = {}): Promise<Data> {
  const { data, errors } = await hub.app.graphql(
    document,
    { ...context },
    variables as Record<string, unknown>,
  )
  if (errors) throw errors[0]!
  return data as Data
}
const problemOf = (asking: Promise<unknown>) =>
  asking.then(
    () => null,
    (error: { extensions: unknown }) => error.extensions,
  )

async function follow(document: string, context: RequestContext, variables: Data = {}, at = hub) {
  const stream = await at.subscribe(parse(document), context, variables)
  if (!(Symbol.asyncIterator in stream)) throw stream.errors![0]!
  const iterator = stream[Symbol.asyncIterator]()
  return {
    next: async (): Promise<Data | null> => {
      const { done, value } = await iterator.next()
      return done ? null : (Object.values(value.data!)[0] as Data)
    },
    leave: () => iterator.return!(),
  }
}

const paymentFields = `id status outcome sequence reference rrn createdAt updatedAt kind
  merchantAmount { amount currency } payerAmount { amount currency } reportingValue { amount currency }
  fees { kind amount { amount } paidBy } rate { source target value mid markupBasisPoints asOf }
  refundedTotal { amount } refundable { amount } refunds { id }
  merchant { id } wallet { id } acquirer { id } corridor { id } entryMode settlementDate settlementStatus
  reason { code isoCode message retryable } events { sequence kind from to reason { code } }`
const submitPayment = `mutation ($input: SubmitPaymentInput!) { submitPayment(input: $input) { __typename
  ... on PaymentReceipt { replayed payment { ${paymentFields} } }
  ... on Problem { code message retryable path }
  ... on IdempotencyConflict { firstUsedAt }
  ... on LimitExceeded { limit { amount currency } used { amount } resetsAt } } }`
const respondAuthorization = `mutation ($input: RespondAuthorizationInput!) { respondAuthorization(input: $input) {
  __typename ... on PaymentReceipt { replayed payment { id status } } ... on Problem { code path } } }`
const transactionEvents = `subscription ($where: TransactionEventFilter, $after: String) {
  transactionEvents(where: $where, after: $after) { cursor sequence kind from to reason { code } transaction { __typename id status } } }`
const transactionUpdated = `subscription ($id: ID!, $afterSequence: Int) {
  transactionUpdated(id: $id, afterSequence: $afterSequence) { sequence kind from to transaction { id status } } }`

let numbers = 0
const aSubmission = (more: object = {}) => {
  numbers++
  const amount = { amount: '88.5', currency: 'CNY' }
  return {
    idempotencyKey: `key ${numbers}`,
    reference: `number ${numbers}`,
    merchant: 'acquirer-cn-01.M1',
    amount,
    ...more,
  }
}
const pay = async (more: object = {}, context = wallet): Promise<Data> => {
  const { submitPayment: answer } = await ask(submitPayment, context, { input: aSubmission(more) })
  return answer.payment as Data
}
const approve = (payment: string, context = acquirer) =>
  ask(respondAuthorization, context, { input: { payment, decision: 'APPROVE' } })
const simulated = { merchant: 'acquirer-cn-02.M1' }

describe('the main walk', () => {
  test('a payment is quoted, submitted, followed, approved and delivered by the stream', async () => {
    const { quotePayment: quote } = await ask(
      `mutation ($input: QuotePaymentInput!) { quotePayment(input: $input) { __typename
        ... on Quote { id expiresAt side entryMode corridor { id } merchant { id } merchantAmount { amount currency }
          payerAmount { amount currency } fees { amount { amount currency } kind paidBy } rate { value } } } }`,
      wallet,
      {
        input: {
          merchant: 'acquirer-cn-01.M1',
          amount: { amount: '300', currency: 'CNY' },
          payerCurrency: 'SGD',
        },
      },
    )
    expect(quote).toMatchObject({
      __typename: 'Quote',
      side: 'FIXED_MERCHANT',
      corridor: { id: 'SG-CN' },
      merchant: { id: 'acquirer-cn-01.M1' },
      merchantAmount: { amount: '300.00', currency: 'CNY' },
      payerAmount: { amount: '55.97', currency: 'SGD' },
      fees: [{ kind: 'NETWORK', amount: { amount: '1.63', currency: 'SGD' }, paidBy: 'PAYER' }],
    })
    const events = await follow(transactionEvents, wallet)
    const requests = await follow(
      'subscription { authorizationRequests { cursor respondBy payment { id } } }',
      acquirer,
    )
    const input = aSubmission({ merchant: null, amount: null, quote: quote.id })
    const { submitPayment: receipt } = await ask(submitPayment, wallet, { input })
    const { id } = receipt.payment
    expect(receipt).toMatchObject({
      replayed: false,
      payment: {
        status: 'ROUTED',
        outcome: 'PENDING',
        kind: 'PAYMENT',
        wallet: { id: 'wallet-sg-01' },
        acquirer: { id: 'acquirer-cn-01' },
        rate: { source: 'SGD', target: 'CNY', value: '5.521255', mid: '5.549', markupBasisPoints: 50 },
        refundedTotal: { amount: '0.00' },
        refundable: { amount: '0.00' },
        settlementDate: null,
        settlementStatus: 'NONE',
        reason: null,
      },
    })
    const updates = await follow(transactionUpdated, wallet, { id })
    expect(await updates.next()).toMatchObject({
      sequence: 2,
      kind: 'SENT',
      to: 'ROUTED',
      transaction: { id, status: 'ROUTED' },
    })
    expect(await requests.next()).toMatchObject({ payment: { id }, cursor: expect.any(String) })
    await requests.leave()
    await approve(id)
    expect(await updates.next()).toMatchObject({
      sequence: 3,
      kind: 'APPROVED',
      from: 'ROUTED',
      to: 'COMPLETED',
      transaction: { id, status: 'COMPLETED' },
    })
    await updates.leave()
    for (const kind of ['SUBMITTED', 'SENT', 'APPROVED']) {
      expect(await events.next()).toMatchObject({ kind, transaction: { __typename: 'Payment', id } })
    }
    await events.leave()
    const { transaction } = await ask(
      `query ($id: ID!) { transaction(id: $id) { ... on Payment { ${paymentFields} } } }`,
      wallet,
      { id },
    )
    expect(transaction).toMatchObject({
      status: 'COMPLETED',
      outcome: 'SUCCEEDED',
      settlementStatus: 'PENDING',
      refundable: { amount: '300.00' },
    })
  })
})

describe('a counterparty that receives every kind of request', () => {
  const requests = `subscription { authorizationRequests(kinds: [AUTHORIZE, CANCEL]) { kind payment { id status } } }`
  const cancel = (payment: string) =>
    ask('mutation ($input: CancelPaymentInput!) { cancelPayment(input: $input) { __typename } }', wallet, {
      input: { idempotencyKey: `cancel ${payment}`, payment },
    })

  test('receives a cancellation, and acknowledges it', async () => {
    const stream = await follow(requests, acquirer)
    const { id } = await pay()
    await vi.waitFor(async () =>
      expect(await stream.next()).toMatchObject({ kind: 'AUTHORIZE', payment: { id } }),
    )
    await cancel(id)
    expect(await stream.next()).toMatchObject({ kind: 'CANCEL', payment: { id, status: 'CANCELLING' } })
    const input = { payment: id, decision: 'ACKNOWLEDGE' }
    expect(await ask(respondAuthorization, acquirer, { input })).toMatchObject({
      respondAuthorization: { payment: { status: 'CANCELLED' } },
    })
    await stream.leave()
  })

  test('receives unacknowledged requests when it reconnects; one that only authorizes does not', async () => {
    const { id } = await pay()
    await cancel(id)
    const stream = await follow(requests, acquirer)
    const kinds = new Map<string, string>()
    while (!kinds.has(id)) {
      const { kind, payment } = (await stream.next())!
      kinds.set(payment.id, kind)
    }
    expect(kinds.get(id)).toBe('CANCEL')
    await stream.leave()
  })
})

describe('the simulator', () => {
  test.each([
    { what: 'approves', more: simulated, ends: { status: 'COMPLETED', reason: null } },
    {
      what: 'declines by the reference',
      more: { ...simulated, reference: 'SIM-AM04 1' },
      ends: { status: 'DECLINED', reason: { code: 'INSUFFICIENT_FUNDS', isoCode: 'AM04' } },
    },
    {
      what: 'declines by the code’s label',
      more: { merchant: null, payload: 'a code whose label declines', amount: null },
      ends: { status: 'DECLINED' },
    },
    {
      what: 'takes its time',
      more: { ...simulated, reference: 'SIM-SLOW-200 1' },
      ends: { status: 'COMPLETED' },
    },
  ])('$what', async ({ more, ends }) => {
    const { id, createdAt } = await pay(more)
    const updates = await follow(transactionUpdated, wallet, { id, afterSequence: 2 })
    await updates.next()
    await updates.leave()
    const { transaction } = await ask(
      `query ($id: ID!) { transaction(id: $id) { updatedAt ... on Payment { ${paymentFields} } } }`,
      wallet,
      { id },
    )
    expect(transaction).toMatchObject(ends)
    const tookMs = Date.parse(transaction.updatedAt) - Date.parse(createdAt)
    expect(tookMs).toBeGreaterThanOrEqual(
      'reference' in more && more.reference.startsWith('SIM-SLOW') ? 200 : 30,
    )
  })

  test('answers twice by label, and the second answer is kept as a late message', async () => {
    const { id } = await pay({ ...simulated, reference: 'SIM-DUP 1' })
    const updates = await follow(transactionUpdated, wallet, { id, afterSequence: 2 })
    expect(await updates.next()).toMatchObject({ kind: 'APPROVED', to: 'COMPLETED' })
    expect(await updates.next()).toMatchObject({ kind: 'LATE_MESSAGE', from: 'COMPLETED', to: 'COMPLETED' })
    await updates.leave()
  })

  test('answers pending requests after a restart', async () => {
    const other = 'restarting'
    const database = (await mongoOf()).db(`${name}_${other}`)
    const settings = {
      registry: aRegistry(),
      directory: aDirectory(),
      now: () => new Date(),
      logger: quietLog,
      cursorSecret: 's',
    }
    const held = await openTransactionSubgraph({ ...settings, db: database, simulator: { holdsBack: true } })
    const { data } = await held.app.graphql(submitPayment, { ...wallet }, { input: aSubmission(simulated) })
    const { id } = (data as Data)['submitPayment'].payment
    await held.close()
    const again = await openTransactionSubgraph({ ...settings, db: database })
    const updates = await follow(transactionUpdated, wallet, { id, afterSequence: 2 }, again)
    expect(await updates.next()).toMatchObject({ kind: 'APPROVED' })
    await updates.leave()
    await again.close()
    await database.dropDatabase()
  })
})

let opened: Awaited<ReturnType<typeof connect>> | null = null
const mongoOf = async () => (opened ??= await connect(uri))
afterAll(() => opened?.close())

describe('visibility', () => {
  const transaction = 'query ($id: ID!) { transaction(id: $id) { id } }'

  test.each([
    { viewer: 'its wallet', context: wallet, isVisible: true },
    { viewer: 'its acquirer', context: acquirer, isVisible: true },
    { viewer: 'the network of its corridor', context: network, isVisible: true },
    { viewer: 'the operator', context: operator, isVisible: true },
    { viewer: 'another wallet', context: as('wallet-sg-02'), isVisible: false },
    { viewer: 'another acquirer', context: as('acquirer-cn-02'), isVisible: false },
  ])('a payment is visible to $viewer: $isVisible', async ({ context, isVisible }) => {
    const { id, reference } = await pay()
    expect((await ask(transaction, context, { id })).transaction).toEqual(isVisible ? { id } : null)
    const listed = await ask('{ transactions(first: 100) { edges { node { id } } } }', context)
    expect(listed.transactions.edges.some(({ node }: Data) => node.id === id)).toBe(isVisible)
    const polled = await ask('{ transactionLog(first: 1000) { events { transaction { id } } } }', context)
    const byReference = `query ($reference: TransactionReference!) { transactionByReference(reference: $reference) { id } }`
    expect((await ask(byReference, context, { reference: { reference } })).transactionByReference).toEqual(
      isVisible ? { id } : null,
    )
    expect(polled.transactionLog.events.every(({ transaction: seen }: Data) => seen !== null)).toBe(true)
    const followed = follow(transactionUpdated, context, { id })
    if (isVisible) await (await followed).leave()
    else await expect(followed).rejects.toMatchObject({ extensions: { code: 'PAYMENT_UNKNOWN' } })
    const { inquirePayment } = await ask(
      'mutation ($id: ID!) { inquirePayment(input: { payment: $id }) { __typename ... on Problem { code path } } }',
      context,
      { id },
    )
    expect(inquirePayment.__typename).toBe(isVisible ? 'PaymentReceipt' : 'Refused')
    const [entity] = (
      await ask(
        'query ($r: [_Any!]!) { _entities(representations: $r) { ... on Payment { id } } }',
        context,
        {
          r: [{ __typename: 'Payment', id }],
        },
      )
    )._entities
    expect(entity).toEqual(isVisible ? { id } : null)
  })

  test('requires the scope of the operation', async () => {
    const blind = as('wallet-sg-01', ['coverage:read'])
    expect(await problemOf(ask('{ transactions { edges { cursor } } }', blind))).toMatchObject({
      code: 'FORBIDDEN',
    })
    expect((await ask(submitPayment, blind, { input: aSubmission() })).submitPayment).toMatchObject({
      __typename: 'Refused',
      code: 'FORBIDDEN',
    })
    await expect(follow(transactionEvents, blind)).rejects.toMatchObject({
      extensions: { code: 'FORBIDDEN' },
    })
  })
})

describe('pages of transactions', () => {
  test('continue after the previous one, newest first', async () => {
    const filter = { merchants: ['acquirer-th-01.M1'] }
    const context = as('wallet-cn-01')
    const amount = { amount: '10', currency: 'THB' }
    const ids: string[] = []
    for (let n = 0; n < 5; n++) ids.push((await pay({ merchant: 'acquirer-th-01.M1', amount }, context)).id)
    const page = `query ($where: TransactionFilter, $after: String) {
      transactions(where: $where, first: 2, after: $after) { edges { cursor node { id } } pageInfo { hasNextPage endCursor } } }`
    const seen: string[] = []
    let after: string | null = null
    for (let pages = 0; pages < 3; pages++) {
      const { transactions } = await ask(page, context, { where: filter, after })
      seen.push(...transactions.edges.map(({ node }: Data) => node.id))
      expect(transactions.pageInfo.hasNextPage).toBe(pages < 2)
      after = transactions.pageInfo.endCursor
    }
    expect(seen).toEqual(ids.toSorted().toReversed())
    const merchant = await ask(
      `query ($r: [_Any!]!) { _entities(representations: $r) { ... on Merchant { transactions(first: 3) { edges { node { id } } } } } }`,
      context,
      { r: [{ __typename: 'Merchant', id: 'acquirer-th-01.M1' }] },
    )
    expect(merchant._entities[0].transactions.edges.map(({ node }: Data) => node.id)).toEqual(
      seen.slice(0, 3),
    )
  })

  test('match every given field', async () => {
    const context = as('wallet-th-01')
    const { id, createdAt } = await pay({}, context)
    const count = async (where: object) =>
      (
        await ask(
          'query ($where: TransactionFilter) { transactions(where: $where) { edges { node { id } } } }',
          context,
          { where },
        )
      ).transactions.edges.length
    const after = new Date(Date.parse(createdAt) + 1).toISOString()
    expect(
      await count({
        statuses: ['ROUTED'],
        wallets: ['wallet-th-01'],
        acquirers: ['acquirer-cn-01'],
        corridors: ['TH-CN'],
        directions: ['INBOUND'],
        kinds: ['PAYMENT'],
        createdFrom: createdAt,
        createdTo: after,
      }),
    ).toBe(1)
    for (const where of [
      { statuses: ['COMPLETED'] },
      { wallets: ['wallet-sg-01'] },
      { acquirers: ['acquirer-cn-02'] },
      { corridors: ['SG-CN'] },
      { directions: ['OUTBOUND'] },
      { kinds: ['REFUND'] },
      { createdFrom: after },
      { createdTo: createdAt },
    ]) {
      expect(await count(where)).toBe(0)
    }
    expect(id).toBeDefined()
  })

  test.each([
    {
      what: 'amounts in no currency of the hub',
      args: '(where: { amount: { currency: "XXX", min: "1" } })',
      code: 'UNKNOWN_CURRENCY',
      path: ['where', 'amount', 'currency'],
    },
    {
      what: 'amounts with too many digits',
      args: '(where: { amount: { currency: "JPY", max: "1.5" } })',
      code: 'AMOUNT_TOO_PRECISE',
      path: ['where', 'amount', 'max'],
    },
    {
      what: 'amounts without an end',
      args: '(where: { amount: { currency: "CNY" } })',
      code: 'BAD_RANGE',
      path: ['where', 'amount'],
    },
    {
      what: 'amounts from the larger to the smaller',
      args: '(where: { amount: { currency: "CNY", min: "2", max: "1" } })',
      code: 'BAD_RANGE',
      path: ['where', 'amount', 'max'],
    },
    {
      what: 'a reference without a character',
      args: '(where: { reference: "" })',
      code: 'BAD_VALUE',
      path: ['where', 'reference'],
    },
    {
      what: 'an empty range',
      args: '(where: { createdFrom: "2026-01-01T00:00:00Z", createdTo: "2026-01-01T00:00:00Z" })',
      code: 'BAD_RANGE',
      path: ['where', 'createdTo'],
    },
    { what: 'no rows', args: '(first: 0)', code: 'BAD_PAGE', path: ['first'] },
    { what: 'a made-up cursor', args: '(after: "x")', code: 'CURSOR_INVALID', path: ['after'] },
  ])('of $what are refused', async ({ args, code, path }) => {
    expect(await problemOf(ask(`{ transactions${args} { edges { cursor } } }`, wallet))).toMatchObject({
      code,
      path,
    })
  })
})

describe('finding a payment by its number', () => {
  const find =
    'query ($reference: TransactionReference!) { transactionByReference(reference: $reference) { id } }'

  test('by its retrieval reference number and settlement date', async () => {
    const { id, rrn } = await pay()
    await approve(id)
    const { transaction } = await ask(
      'query ($id: ID!) { transaction(id: $id) { ... on Payment { settlementDate } } }',
      wallet,
      { id },
    )
    const { settlementDate } = transaction
    for (const context of [wallet, acquirer, operator]) {
      expect(
        (await ask(find, context, { reference: { rrn, settlementDate } })).transactionByReference,
      ).toEqual({ id })
    }
    expect(
      (await ask(find, wallet, { reference: { rrn, settlementDate: '2020-01-01' } })).transactionByReference,
    ).toBeNull()
  })

  test.each([{}, { rrn: '1' }, { reference: 'r', rrn: '1', settlementDate: '2026-01-01' }])(
    '%o is refused',
    async (reference) => {
      expect(await problemOf(ask(find, wallet, { reference }))).toMatchObject({
        code: 'EXACTLY_ONE',
        path: ['reference'],
      })
    },
  )
})

describe('a stream of events', () => {
  test('resumes after a cursor with no event lost or repeated, also at another process', async () => {
    const context = as('wallet-sg-02')
    const first = await follow(transactionEvents, context)
    const ids = [await pay({}, context)]
    const cursors = [(await first.next())!['cursor'], (await first.next())!['cursor']]
    await first.leave()
    for (let n = 0; n < 3; n++) ids.push(await pay({}, context))
    const elsewhere = await start((await mongoOf()).db(name))
    const resumed = await follow(transactionEvents, context, { after: cursors[0] }, elsewhere)
    const seen = [await resumed.next(), await resumed.next(), await resumed.next()]
    ids.push(await pay({}, context))
    for (let n = 0; n < 6; n++) seen.push(await resumed.next())
    await resumed.leave()
    await elsewhere.close()
    const expected = [
      [ids[0]!.id, 2],
      ...ids.slice(1).flatMap(({ id }) => [
        [id, 1],
        [id, 2],
      ]),
    ]
    expect(seen.map((event) => [event!['transaction'].id, event!['sequence']])).toEqual(expected)
    expect(seen[0]!['cursor']).toBe(cursors[1])
  })

  test('delivers only matching events', async () => {
    const only = await follow(transactionEvents, operator, {
      where: { kinds: ['APPROVED'], wallets: ['wallet-sg-02'], to: ['COMPLETED'] },
    })
    await approve((await pay({}, wallet)).id)
    const { id } = await pay({}, as('wallet-sg-02'))
    await approve(id)
    expect(await only.next()).toMatchObject({ kind: 'APPROVED', transaction: { id, status: 'COMPLETED' } })
    await only.leave()
  })

  test('can be polled page by page', async () => {
    const context = as('wallet-th-01')
    const log = `query ($after: String, $first: Int!) { transactionLog(after: $after, first: $first, where: { wallets: ["wallet-th-01"] }) {
      events { cursor sequence transaction { id } } endCursor hasMore } }`
    const tail = await follow(transactionEvents, context)
    const { id } = await pay({}, context)
    await tail.next()
    await tail.next()
    await tail.leave()
    const { transactionLog: all } = await ask(log, context, { first: 1000 })
    expect(all).toMatchObject({ hasMore: false })
    expect(all.events.at(-1)).toMatchObject({ sequence: 2, transaction: { id } })
    const { transactionLog: one } = await ask(log, context, { first: 1 })
    expect(one).toMatchObject({ hasMore: true, endCursor: one.events[0].cursor })
    const { transactionLog: rest } = await ask(log, context, { first: 1000, after: one.endCursor })
    expect([...one.events, ...rest.events]).toEqual(all.events)
    const { transactionLog: none } = await ask(log, context, { first: 5, after: all.endCursor })
    expect(none).toEqual({ events: [], endCursor: all.endCursor, hasMore: false })
  })

  test('refuses foreign cursors and large pages', async () => {
    await expect(follow(transactionEvents, wallet, { after: 'x' })).rejects.toMatchObject({
      extensions: { code: 'CURSOR_INVALID', path: ['after'] },
    })
    expect(await problemOf(ask('{ transactionLog(first: 1001) { hasMore } }', wallet))).toMatchObject({
      code: 'BAD_PAGE',
    })
  })
})

describe('a log whose first entries have expired', () => {
  test('refuses cursors before its first entry, and accepts later ones', async () => {
    const database = (await mongoOf()).db(`${name}_retention`)
    const first = await start(database)
    for (let n = 0; n < 3; n++)
      await first.app.graphql(submitPayment, { ...wallet }, { input: aSubmission() })
    const events = await follow(
      transactionEvents,
      wallet,
      { after: createCursors('a secret').encode(0n) },
      first,
    )
    const cursors: string[] = []
    while (cursors.length < 6) cursors.push((await events.next())!['cursor'])
    await events.leave()
    await first.close()
    // Entries after the third one are kept, however they were batched.
    const kept = batchOf(await readLog(database, { after: 3n }))
    await logOf(database).deleteMany({})
    await logOf(database).insertOne(kept)
    const later = await start(database)
    await expect(follow(transactionEvents, wallet, { after: cursors[1] }, later)).rejects.toMatchObject({
      extensions: { code: 'CURSOR_EXPIRED', path: ['after'] },
    })
    const log = 'query ($after: String) { transactionLog(after: $after) { events { cursor } } }'
    const { errors } = await later.app.graphql(log, { ...wallet }, { after: cursors[1] })
    expect(errors![0]!.extensions).toMatchObject({ code: 'CURSOR_EXPIRED' })
    const resumed = await follow(transactionEvents, wallet, { after: cursors[2] }, later)
    expect([await resumed.next(), await resumed.next()].map((event) => event!['cursor'])).toEqual(
      cursors.slice(3, 5),
    )
    await resumed.leave()
    await later.close()
    await database.dropDatabase()
  })
})

describe('a refund in its payment', () => {
  test('is a transaction of its own', async () => {
    const { id } = await pay()
    await approve(id)
    const at = new Date()
    const refund = {
      _id: '0199aaaa-0000-7000-8000-000000000001',
      status: 'COMPLETED',
      sequence: 1,
      createdAt: at,
      updatedAt: at,
      merchantAmount: money(850n, 'CNY'),
      payerAmount: money(154n, 'SGD'),
      reporting: money(850n, 'CNY'),
      reason: null,
      events: [{ sequence: 1, at, kind: 'SUBMITTED', from: null, to: 'RECEIVED', reason: null }],
    }
    await db
      .collection<{ _id: string; refunds: object[]; refunded: object }>('payments')
      .updateOne({ _id: id }, { $push: { refunds: refund }, $set: { refunded: money(850n, 'CNY') } })
    const asked = `query ($id: ID!) { transaction(id: $id) { __typename id kind status sequence merchantAmount { amount } payerAmount { amount }
      reportingValue { amount } wallet { id } merchant { id } events { kind } reason { code }
      ... on Refund { amount { amount currency } payment { id refundedTotal { amount } refundable { amount } refunds { id } } } } }`
    const { transaction } = await ask(asked, wallet, { id: refund._id })
    expect(transaction).toEqual({
      __typename: 'Refund',
      id: refund._id,
      kind: 'REFUND',
      status: 'COMPLETED',
      sequence: 1,
      merchantAmount: { amount: '8.50' },
      payerAmount: { amount: '1.54' },
      reportingValue: { amount: '8.50' },
      wallet: { id: 'wallet-sg-01' },
      merchant: { id: 'acquirer-cn-01.M1' },
      events: [{ kind: 'SUBMITTED' }],
      reason: null,
      amount: { amount: '8.50', currency: 'CNY' },
      payment: {
        id,
        refundedTotal: { amount: '8.50' },
        refundable: { amount: '80.00' },
        refunds: [{ id: refund._id }],
      },
    })
    expect((await ask(asked, as('wallet-sg-02'), { id: refund._id })).transaction).toBeNull()
  })
})

describe('following one transaction', () => {
  test('from a sequence number delivers every later event, and completes after a final status', async () => {
    const { id } = await pay()
    await ask(respondAuthorization, acquirer, { input: { payment: id, decision: 'DECLINE', reason: 'AM04' } })
    const updates = await follow(transactionUpdated, wallet, { id, afterSequence: 0 })
    const kinds = [await updates.next(), await updates.next(), await updates.next()].map(
      (update) => update!['kind'],
    )
    expect(kinds).toEqual(['SUBMITTED', 'SENT', 'REFUSED'])
    expect(await updates.next()).toBeNull()
    const over = await follow(transactionUpdated, wallet, { id, afterSequence: 3 })
    expect(await over.next()).toBeNull()
  })

  test('from before its first event is refused', async () => {
    const { id } = await pay()
    await expect(follow(transactionUpdated, wallet, { id, afterSequence: -1 })).rejects.toMatchObject({
      extensions: { code: 'BAD_VALUE' },
    })
  })
})

describe('requests for authorization', () => {
  test('begin with the unanswered ones', async () => {
    const context = as('acquirer-th-01')
    const amount = { amount: '10', currency: 'THB' }
    const ids: string[] = []
    for (let n = 0; n < 3; n++)
      ids.push((await pay({ merchant: 'acquirer-th-01.M1', amount }, as('wallet-cn-01'))).id)
    await approve(ids[1]!, context)
    const requests = await follow(
      'subscription { authorizationRequests { respondBy payment { id status } } }',
      context,
    )
    const seen = new Set<string>()
    while (!seen.has(ids[2]!)) seen.add((await requests.next())!['payment'].id)
    expect(seen.has(ids[0]!)).toBe(true)
    expect(seen.has(ids[1]!)).toBe(false)
    const late = await pay({ merchant: 'acquirer-th-01.M1', amount }, as('wallet-cn-01'))
    expect((await requests.next())!['payment'].id).toBe(late.id)
    await requests.leave()
  })
})

describe('the explanation of a route', () => {
  const explain = `query ($wallet: ID!, $merchant: ID!) { explainRoute(wallet: $wallet, merchant: $merchant, entryMode: MPM_STATIC) {
    accepted corridor { id } hops { participant { id } role } considered { corridor { id } accepted reason { code message } } } }`

  test('names the corridor and the hops', async () => {
    const { explainRoute } = await ask(explain, wallet, {
      wallet: 'wallet-sg-01',
      merchant: 'acquirer-cn-01.M1',
    })
    expect(explainRoute).toMatchObject({
      accepted: true,
      corridor: { id: 'SG-CN' },
      hops: [
        { participant: { id: 'wallet-sg-01' }, role: 'WALLET' },
        { participant: { id: 'network-unionpay' }, role: 'NETWORK' },
        { participant: { id: 'acquirer-cn-01' }, role: 'ACQUIRER' },
      ],
    })
  })

  test('gives the reason against each corridor', async () => {
    const { explainRoute } = await ask(explain, wallet, {
      wallet: 'wallet-sg-01',
      merchant: 'acquirer-th-01.M1',
    })
    expect(explainRoute).toMatchObject({ accepted: false, corridor: null, hops: [] })
    expect(explainRoute.considered[0]).toMatchObject({
      corridor: { id: 'SG-TH' },
      reason: { code: 'CORRIDOR_CLOSED' },
    })
  })

  test('is refused for an unknown wallet or merchant', async () => {
    expect(
      await problemOf(ask(explain, wallet, { wallet: 'nobody', merchant: 'acquirer-cn-01.M1' })),
    ).toMatchObject({ code: 'PARTICIPANT_UNKNOWN', path: ['wallet'] })
    expect(await problemOf(ask(explain, wallet, { wallet: 'wallet-sg-01', merchant: 'none' }))).toMatchObject(
      { code: 'MERCHANT_UNKNOWN', path: ['merchant'] },
    )
  })
})

describe('positions', () => {
  const positions = `query ($r: [_Any!]!, $date: LocalDate) { _entities(representations: $r) { ... on Participant {
    positions(date: $date) { currency net { amount currency } debits { amount } credits { amount } } } } }`

  test('are the sums of the postings, and sum to zero over all participants', async () => {
    const ids = [
      'wallet-sg-01',
      'wallet-sg-02',
      'wallet-th-01',
      'wallet-cn-01',
      'acquirer-cn-01',
      'acquirer-cn-02',
      'acquirer-th-01',
      'operator',
    ]
    const amount = { amount: '10', currency: 'THB' }
    await approve(
      (await pay({ merchant: 'acquirer-th-01.M1', amount }, as('wallet-cn-01'))).id,
      as('acquirer-th-01'),
    )
    // The projection follows the log, soon after.
    const entities = await vi.waitFor(async () => {
      const answer = await ask(positions, operator, {
        r: ids.map((id) => ({ __typename: 'Participant', id })),
      })
      const all = answer._entities.flatMap((entity: Data) => entity.positions)
      const sums = new Map<string, number>()
      for (const { currency, net } of all)
        sums.set(currency, (sums.get(currency) ?? 0) + Number(net.amount.replace('.', '')))
      expect([...sums.keys()].toSorted()).toEqual(['CNY', 'SGD', 'THB'])
      expect([...sums.values()].every((sum) => sum === 0)).toBe(true)
      return answer._entities
    })
    const [{ debits, net }] = entities[0].positions
    expect(net.amount).toBe(`-${debits.amount}`)
  })

  test('are visible only to the participant', async () => {
    const own = { r: [{ __typename: 'Participant', id: 'wallet-sg-01' }] }
    expect((await ask(positions, wallet, own))._entities[0].positions).not.toEqual([])
    expect((await ask(positions, acquirer, own))._entities[0].positions).toEqual([])
    expect((await ask(positions, wallet, { ...own, date: '2020-01-01' }))._entities[0].positions).toEqual([])
  })
})
