import { pino } from 'pino'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import type { MerchantId, OfferId, ParticipantId } from '../../schema/values/id.ts'
import { importOffers, startOffersServer, type Offer } from '../../subgraphs/offers/index.ts'
import { SseReader } from '../gateway/http/sse-reader.ts'
import { freePort } from '../docs/free-port.ts'
import { demoDatabase } from './demo-database.ts'
import { testHub } from './hub.ts'

const database = await demoDatabase()
// A busy machine may take long to compose.
const settings = { REQUEST_TIMEOUT_MS: '60000' }
const hub = await testHub(database, settings)
const other = await testHub(database, settings)
const operator = hub.as('demo-operator')
const wallet = hub.as('demo-wallet')
const offers = await startOffersServer({
  db: database.db,
  host: '127.0.0.1',
  port: 0,
  now: () => new Date(),
  logger: pino({ level: 'error' }),
})
afterAll(() => offers.close())

const join = `mutation Join($input: JoinSubgraphInput!) { joinSubgraph(input: $input) {
  __typename
  ... on SubgraphJoined { subgraph { name url version by } }
  ... on SubgraphNotComposed { code mistakes { code message subgraph coordinate line column } }
  ... on Refused { code message path retryable }
} }`
const leave = `mutation Leave($name: String!) { leaveSubgraph(input: { name: $name }) {
  __typename ... on SubgraphLeft { name } ... on Refused { code path }
} }`
const merchantOffers = `query($id: ID!) { merchant(id: $id) {
  name offers(wallet: "wallet-sg-01") { id kind percent merchant { name } benefit(amount: { amount: "400", currency: "CNY" }) { amount } }
} }`

/** Nothing listens there. */
const away = `http://127.0.0.1:${await freePort()}/`
let merchant = ''
let payload = ''
let payments = 0

async function pay(client = wallet): Promise<string> {
  const reference = `join-${++payments}`
  const input = {
    idempotencyKey: reference,
    reference,
    payload,
    payerCurrency: 'SGD',
    amount: { amount: '300.00', currency: 'CNY' },
  }
  const { data } = await client.ask('SubmitPayment', { input })
  return data.submitPayment.payment.id
}

/** Without the subgraph, no field of the hub leads to an offer, so that the type is not shown. */
const isServed = async (client: typeof wallet): Promise<boolean> =>
  (await client.query('{ __type(name: "Offer") { name } }')).data.__type !== null

beforeAll(async () => {
  const { data } = await wallet.query(
    '{ merchants(where: { acquirers: ["acquirer-cn-01"], online: false }, first: 1) { edges { node { id location { lat lng } } } } }',
  )
  const { id, location } = data.merchants.edges[0].node
  merchant = id
  const code = await hub
    .as('demo-acquirer')
    .ask('IssueCode', { input: { idempotencyKey: 'join', merchant, kind: 'STATIC' } })
  payload = code.data.issueCode.payload
  const day = 86_400_000
  const refund: Offer = {
    id: `${merchant}:1` as OfferId,
    merchant: merchant as MerchantId,
    kind: 'TAX_REFUND',
    title: 'Tax refund in the shop for travellers',
    currency: 'CNY',
    gift: { basisPoints: 900, amount: null },
    minimum: { minor: 20_000n, currency: 'CNY' },
    maximum: null,
    wallets: ['wallet-sg-01' as ParticipantId],
    validFrom: new Date(Date.now() - day),
    validUntil: new Date(Date.now() + day),
    location,
  }
  await importOffers(database.db, [refund])
})

describe('a subgraph that joins a hub that runs', () => {
  test('is served by all hubs of the database, and nothing that runs is missed', async () => {
    const follow = 'subscription { transactionEvents { cursor to transaction { id } } }'
    const seen: { id: string; to: string }[] = []
    const sse = await SseReader.open(hub.url, follow, { key: 'demo-operator' })
    const socket = wallet.followText(follow)
    const following = (async () => {
      for await (const answer of socket) {
        const { transaction, to } = answer.data.transactionEvents
        seen.push({ id: transaction.id, to })
      }
    })()
    await wallet.connected()

    const ids: string[] = []
    let isPaying = true
    const completed = () => seen.filter(({ to }) => to === 'COMPLETED').map(({ id }) => id)
    // One at a time: the next graphs are composed meanwhile.
    const paying = (async () => {
      while (isPaying) {
        ids.push(await pay())
        await vi.waitUntil(() => completed().length === ids.length, { timeout: 60_000 })
      }
    })()
    const input = { name: 'offers', url: offers.url, idempotencyKey: 'join-offers' }
    const joined = await operator.query(join, { input })
    expect(joined).toEqual({
      data: {
        joinSubgraph: {
          __typename: 'SubgraphJoined',
          subgraph: { name: 'offers', url: offers.url, version: 1, by: 'operator' },
        },
      },
    })
    expect((await operator.query(join, { input })).data).toEqual(joined.data)

    expect((await wallet.query(merchantOffers, { id: merchant })).data.merchant.offers).toEqual([
      {
        id: `${merchant}:1`,
        kind: 'TAX_REFUND',
        percent: '9',
        merchant: { name: expect.any(String) },
        benefit: { amount: '36.00' },
      },
    ])
    await vi.waitUntil(() => isServed(other.as('demo-wallet')), { timeout: 60_000 })

    expect((await operator.query(leave, { name: 'offers' })).data).toEqual({
      leaveSubgraph: { __typename: 'SubgraphLeft', name: 'offers' },
    })
    expect(await wallet.query(merchantOffers, { id: merchant })).toMatchObject({
      errors: expect.arrayContaining([
        expect.objectContaining({ extensions: { code: 'GRAPHQL_VALIDATION_FAILED' } }),
      ]),
    })
    await vi.waitUntil(async () => !(await isServed(other.as('demo-wallet'))), { timeout: 60_000 })
    isPaying = false
    await paying
    expect((await operator.query(leave, { name: 'offers' })).data).toEqual({
      leaveSubgraph: { __typename: 'Refused', code: 'SUBGRAPH_UNKNOWN', path: ['input', 'name'] },
    })

    expect(completed().toSorted()).toEqual(ids.toSorted())
    expect(new Set(seen.map(({ id, to }) => `${id} ${to}`)).size).toBe(seen.length)
    const cursors = new Set<string>()
    while (cursors.size < seen.length) cursors.add((await sse.receive()).id!)
    await sse.leave()
    await socket.return!()
    await following
  })

  test('computes its fields from those that it requires of others, for each payment', async () => {
    await operator.query(join, { input: { name: 'offers', url: offers.url } })
    const id = await pay()
    const document = `query($id: ID!) { transaction(id: $id) { status ... on Payment {
      payerAmount { currency } appliedOffer { benefit { amount currency } offer { kind wallets { id name } } } } } }`
    const paid = async () => (await wallet.query(document, { id })).data.transaction
    await vi.waitUntil(async () => (await paid()).status === 'COMPLETED', { timeout: 60_000 })
    expect(await paid()).toMatchObject({
      payerAmount: { currency: 'SGD' },
      appliedOffer: {
        benefit: { amount: '27.00', currency: 'CNY' },
        offer: { kind: 'TAX_REFUND', wallets: [{ id: 'wallet-sg-01', name: expect.any(String) }] },
      },
    })
  })

  test('that is away has coded errors for its own fields, and the rest is served', async () => {
    await operator.query(join, {
      input: { name: 'tips', url: away, sdl: 'type Query { tip: String }' },
    })
    const answer = await wallet.query('query($id: ID!) { tip merchant(id: $id) { id } }', { id: merchant })
    expect(answer).toMatchObject({
      data: { tip: null, merchant: { id: merchant } },
      errors: [{ path: ['tip'], extensions: { code: 'UNAVAILABLE', subgraph: 'tips' } }],
    })
    await operator.query(leave, { name: 'tips' })
  })
})

describe('a subgraph that cannot join', () => {
  const link =
    'extend schema @link(url: "https://specs.apollo.dev/federation/v2.7", import: ["@key", "@shareable", "@override"])\n'
  test.each([
    {
      what: 'its SDL is no GraphQL',
      sdl: 'type Query {\n  a: Int\n  b Int\n}',
      mistake: { code: 'INVALID_GRAPHQL', subgraph: 'bad', line: 3, column: 5 },
    },
    {
      what: 'it has a field of others',
      sdl: `${link}type Merchant @key(fields: "id") {\n  id: ID!\n  name: String!\n}`,
      mistake: {
        code: 'INVALID_FIELD_SHARING',
        coordinate: 'Merchant.name',
        subgraph: 'bad',
        line: 4,
        column: 3,
      },
    },
    {
      what: 'it takes a field over',
      sdl: `${link}type Payment @key(fields: "id") { id: ID!\n  reference: String! @override(from: "transaction") }`,
      mistake: { code: 'OVERRIDE_NOT_ALLOWED', coordinate: 'Payment.reference', subgraph: 'bad', line: 3 },
    },
    {
      what: 'it answers for a root field of the hub',
      sdl: `${link}type Query {\n  programme: Programme! @shareable }\ntype Programme { bonus: Int! }`,
      mistake: { code: 'ROOT_FIELD_TAKEN', coordinate: 'Query.programme', subgraph: 'bad', line: 3 },
    },
    {
      what: 'a type of the hub has another kind in it',
      sdl: 'type Query { a: Merchant }\nenum Merchant { ONE }',
      mistake: { code: 'TYPE_KIND_MISMATCH', coordinate: 'Merchant', subgraph: 'bad', line: 2 },
    },
    {
      what: 'it leaves a field of an input out',
      sdl: 'type Query { a(near: MerchantFilter): Int }\ninput MerchantFilter { online: Boolean }',
      mistake: { code: 'BREAKS_THE_GRAPH' },
    },
    {
      what: 'it names a type that is nowhere',
      sdl: 'type Query { a: Nothing }',
      mistake: { code: 'INVALID_GRAPHQL', subgraph: 'bad', line: 1 },
    },
  ])('is refused with the code and the place when $what', async ({ sdl, mistake }) => {
    const { data } = await operator.query(join, {
      input: { name: 'bad', url: away, sdl },
    })
    expect(data.joinSubgraph).toMatchObject({
      __typename: 'SubgraphNotComposed',
      code: 'SUBGRAPH_NOT_COMPOSED',
      mistakes: expect.arrayContaining([expect.objectContaining(mistake)]),
    })
    expect((await wallet.query('{ programme { wallets } }')).errors).toBeUndefined()
  })

  test.each([
    {
      what: 'it is away',
      input: { url: away },
      code: 'SUBGRAPH_UNREACHABLE',
      path: ['input', 'url'],
    },
    {
      what: 'its address is on a private network',
      input: { url: 'https://10.0.0.7/graphql' },
      code: 'ADDRESS_NOT_ALLOWED',
      path: ['input', 'url'],
    },
    { what: 'its URL is none', input: { url: 'nowhere' }, code: 'BAD_VALUE', path: ['input', 'url'] },
    { what: 'its name is none', input: { name: 'My Graph' }, code: 'BAD_VALUE', path: ['input', 'name'] },
  ])('is refused when $what', async ({ input, code, path }) => {
    const { data } = await operator.query(join, {
      input: { name: 'bad', url: offers.url, ...input },
    })
    expect(data.joinSubgraph).toMatchObject({ __typename: 'Refused', code, path })
  })

  test('is refused for callers other than the operator', async () => {
    const forbidden = [{ extensions: { code: 'UNAUTHORIZED_FIELD_OR_TYPE' } }]
    const input = { name: 'bad', url: offers.url }
    expect(await wallet.query(join, { input })).toMatchObject({ data: null, errors: forbidden })
    expect((await wallet.query('{ subgraphs { name } }')).errors).toMatchObject(forbidden)
  })
})
