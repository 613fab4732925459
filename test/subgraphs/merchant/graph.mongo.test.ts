// The merchant subgraph as the hub uses it: documents in, results out, on a real MongoDB.

import { pino } from 'pino'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { decodeMpm, encodeCpm, encodeFields } from '../../../schema/qr/index.ts'
import { importMerchants, openMerchantSubgraph } from '../../../subgraphs/merchant/index.ts'
import type { Subgraph } from '../../../subgraphs/shared/subgraph.ts'
import type { RequestContext } from '../../../subgraphs/shared/viewer.ts'
import { describeIdempotency } from '../../contracts/idempotency.ts'
import { aMerchant, aRow, noon, products } from '../../fixtures/a-merchant.ts'
import { mapById } from '../../fixtures/map-by-id.ts'
import { aPayableCorridor, aPayableRegistry } from '../../fixtures/a-payable-registry.ts'
import { anAccount, aPayload } from '../../fixtures/a-printed-code.ts'
import { asViewer } from '../../fixtures/as-viewer.ts'
import { connectAgain, freshDatabase } from '../../harness/mongo.ts'

const database = await freshDatabase()
const { db } = database
const elsewhere = await connectAgain(database)
const registry = aPayableRegistry()
const wallet = asViewer('wallet-sg-01', 'payments:write')
const acquirer = asViewer('acquirer-cn-01', 'merchants:write')
const rival = asViewer('acquirer-cn-02', 'merchants:write')
const operator = asViewer('operator', 'operator')

const thai = aMerchant({
  acquirer: 'acquirer-th-01',
  mid: 'T1',
  country: 'TH',
  currency: 'THB',
  city: 'Bangkok',
  location: { lat: 13.75, lng: 100.5 },
})
const merchants = [
  aMerchant({ qrProducts: ['qr-cn-001', 'qr-cn-002'] }),
  aMerchant({ mid: 'M000002', entryModes: ['CPM'], location: { lat: 31.24, lng: 121.48 } }),
  aMerchant({ mid: 'SHUT', status: 'SUSPENDED' }),
  aMerchant({ mid: 'WEB', online: true, scenario: 'ONLINE', mcc: '5815', location: null }),
  thai,
]

let now = noon
beforeEach(() => {
  now = noon
})

let subgraph: Subgraph
/** Another process over the same database. */
let otherSubgraph: Subgraph
beforeAll(async () => {
  await importMerchants(db, merchants, { products })
  const dependencies = { registry, now: () => now, logger: pino({ level: 'silent' }) }
  subgraph = await openMerchantSubgraph({ db, ...dependencies })
  otherSubgraph = await openMerchantSubgraph({ db: elsewhere.db(database.name), ...dependencies })
})
afterAll(() => Promise.all([subgraph.close(), otherSubgraph.close()]))

// eslint-disable-next-line typescript/no-explicit-any
type Data = any

async function execute(
  document: string,
  variables: object = {},
  context: RequestContext = wallet,
  at = subgraph,
): Promise<Data> {
  const { data, errors } = await at.app.graphql(document, context as never, variables as never)
  if (errors?.length) throw errors[0]
  return data
}

const problemOf = (document: string, variables: object = {}): Promise<Data> =>
  execute(document, variables).then(
    () => null,
    (error: { extensions: object }) => error.extensions,
  )

const issueDocument = `mutation ($input: IssueCodeInput!) {
  issueCode(input: $input) {
    __typename
    ... on MerchantCode { id kind payload svg expiresAt merchant { id name } }
    ... on Problem { code message path retryable }
    ... on IdempotencyConflict { firstUsedAt }
  }
}`
const issue = async (input: object, context = acquirer, at = subgraph): Promise<Data> => {
  const whole = { idempotencyKey: 'key', merchant: 'acquirer-cn-01.M000001', kind: 'STATIC', ...input }
  return (await execute(issueDocument, { input: whole }, context, at)).issueCode
}

const decodeDocument = `query ($payload: String!, $profile: QrProfile) {
  decodeQr(payload: $payload, profile: $profile) {
    __typename
    ... on QrCode {
      mode scheme pointOfInitiation warnings { code tag offset message }
      unreadable { code tag offset message } currency
      amount { amount currency } tip { kind amount { amount currency } percent }
      additionalData { billNumber referenceLabel storeLabel terminalLabel purpose }
      printedMerchant { name city country { code } mcc { code description } }
      merchant { id name acquirer { id } } expiresAt expired
      fields { tag value fields { tag value } }
    }
    ... on QrInvalid { fault tag offset }
    ... on Problem { code message path }
  }
}`
const decode = async (payload: string, profile?: string): Promise<Data> =>
  (await execute(decodeDocument, { payload, profile })).decodeQr

describe('a merchant in the graph', () => {
  test('has all its fields', async () => {
    const document = `query ($id: ID!) { merchant(id: $id) {
      id mid name localName status city country { code name currency } location { lat lng } mcc { code description }
      scenario online currency entryModes qrProducts { id name country { code } acceptsForeignWallets }
      acquirer { id } acceptedWallets { edges { cursor node { id } } pageInfo { hasNextPage } totalCount } codes { id }
    } }`
    expect((await execute(document, { id: 'acquirer-cn-01.M000001' })).merchant).toMatchObject({
      id: 'acquirer-cn-01.M000001',
      mid: 'M000001',
      status: 'ACTIVE',
      country: { code: 'CN', name: 'China', currency: 'CNY' },
      location: { lat: 31.2304, lng: 121.4737 },
      mcc: { code: '5812' },
      entryModes: ['MPM_STATIC', 'MPM_DYNAMIC'],
      qrProducts: [{ id: 'qr-cn-001', country: { code: 'CN' } }, { id: 'qr-cn-002' }],
      acquirer: { id: 'acquirer-cn-01' },
      acceptedWallets: {
        edges: [{ node: { id: 'wallet-sg-01' } }],
        pageInfo: { hasNextPage: false },
        totalCount: 1,
      },
      codes: [],
    })
    expect(await execute(document, { id: 'unknown' })).toEqual({ merchant: null })
  })

  test('is found by its key among others, in order, with null for unknown ones', async () => {
    const document = `query ($representations: [_Any!]!) { _entities(representations: $representations) {
      __typename ... on Merchant { name acquirer { id } } ... on QrProduct { name } ... on MerchantCode { payload }
    } }`
    const representations = [
      { __typename: 'Merchant', id: thai.id },
      { __typename: 'Merchant', id: 'unknown' },
      { __typename: 'QrProduct', id: 'qr-cn-002' },
      { __typename: 'Merchant', id: 'acquirer-cn-01.M000001' },
    ]
    expect((await execute(document, { representations }))._entities).toMatchObject([
      { acquirer: { id: 'acquirer-th-01' } },
      null,
      { name: 'Two Code' },
      { acquirer: { id: 'acquirer-cn-01' } },
    ])
  })

  test('has pages of accepted wallets', async () => {
    const document = `query ($after: String) { merchant(id: "acquirer-cn-01.M000002") {
      acceptedWallets(first: 1, after: $after) { edges { node { id } } pageInfo { hasNextPage endCursor } totalCount }
    } }`
    const one = (await execute(document)).merchant.acceptedWallets
    expect(one).toMatchObject({
      edges: [{ node: { id: 'wallet-sg-01' } }],
      pageInfo: { hasNextPage: true },
      totalCount: 2,
    })
    const two = (await execute(document, { after: one.pageInfo.endCursor })).merchant.acceptedWallets
    expect(two).toMatchObject({ edges: [{ node: { id: 'wallet-th-01' } }], pageInfo: { hasNextPage: false } })
  })

  test('is listed near a point and by filter', async () => {
    const document = `query ($near: NearInput, $where: MerchantFilter) { merchants(near: $near, where: $where, first: 5) {
      edges { cursor distanceMeters node { id } } pageInfo { hasNextPage endCursor }
    } }`
    const near = { lat: 31.2304, lng: 121.4737, radiusMeters: 5_000 }
    expect((await execute(document, { near })).merchants.edges).toMatchObject([
      { distanceMeters: 0, node: { id: 'acquirer-cn-01.M000001' } },
      { distanceMeters: 1225, node: { id: 'acquirer-cn-01.M000002' } },
    ])
    expect((await execute(document, { where: { countries: ['TH'] } })).merchants.edges).toMatchObject([
      { distanceMeters: null, node: { id: thai.id } },
    ])
    expect(await problemOf(document, { where: { countries: ['XX'] } })).toMatchObject({
      code: 'UNKNOWN_COUNTRY',
      path: ['where', 'countries'],
    })
  })

  test('products are listed by id', async () => {
    expect((await execute('{ qrProducts { id } }')).qrProducts).toEqual(products.map(({ id }) => ({ id })))
  })
})

describe('coverage in the graph', () => {
  const document = `query ($wallet: ID, $where: MerchantFilter) { merchantCoverage(wallet: $wallet, where: $where) {
    merchants onlineMerchants cities asOf
    scenarios: breakdown(by: SCENARIO, first: 5) { key label merchants }
    cells(bounds: { west: -180, south: -90, east: 180, north: 90 }, zoom: 12) { id center { lat lng } boundary { lat lng } place merchants }
  } }`
  const coverage = async (variables: object): Promise<Data> =>
    (await execute(document, variables)).merchantCoverage

  test('counts merchants that take payments', async () => {
    expect(await coverage({})).toMatchObject({
      merchants: 4,
      onlineMerchants: 1,
      cities: 2,
      scenarios: [
        { key: 'DINING', label: 'Dining', merchants: 3 },
        { key: 'ONLINE', label: 'Online', merchants: 1 },
      ],
    })
  })

  test('outlines each hexagon of a map', async () => {
    const { cells } = await coverage({})
    expect(cells.length).toBeGreaterThan(0)
    for (const { boundary, place } of cells) {
      expect(boundary.length).toBeGreaterThanOrEqual(5)
      expect(place).not.toBe('')
    }
  })

  test('for a wallet counts merchants that routing lets it pay', async () => {
    expect(await coverage({ wallet: 'wallet-sg-01' })).toMatchObject({ merchants: 3 })
    expect(await coverage({ wallet: 'wallet-th-01' })).toMatchObject({ merchants: 1, onlineMerchants: 0 })
    expect(await coverage({ wallet: 'acquirer-cn-01' })).toMatchObject({ merchants: 0 })
    expect(
      await coverage({ wallet: 'wallet-sg-01', where: { search: 'lotus', online: false } }),
    ).toMatchObject({
      merchants: 2,
    })
    expect(await problemOf(document, { wallet: 'nobody' })).toMatchObject({ code: 'PARTICIPANT_UNKNOWN' })
  })

  test('of participants, corridors, projects and countries is that of their merchants', async () => {
    const entities = `query ($representations: [_Any!]!) { _entities(representations: $representations) {
      ... on Participant { coverage { merchants } merchants(first: 1) { edges { node { id } } pageInfo { hasNextPage } } }
      ... on Corridor { coverage { merchants } } ... on Project { coverage { merchants } } ... on Country { coverage { merchants } }
    } }`
    const representations = [
      { __typename: 'Participant', id: 'acquirer-th-01' },
      { __typename: 'Participant', id: 'wallet-sg-01' },
      { __typename: 'Participant', id: 'network-unionpay' },
      { __typename: 'Corridor', id: 'SG-TH' },
      { __typename: 'Corridor', id: 'XX-YY' },
      { __typename: 'Project', id: 'cn-sg' },
      { __typename: 'Project', id: 'nothing' },
      { __typename: 'Country', code: 'CN' },
    ]
    const found = (await execute(entities, { representations }))._entities
    expect(found.map((entity: Data) => entity.coverage.merchants)).toEqual([1, 3, 0, 1, 0, 3, 0, 3])
    expect(found[0].merchants).toMatchObject({
      edges: [{ node: { id: thai.id } }],
      pageInfo: { hasNextPage: false },
    })
    expect(found[1].merchants.edges).toEqual([])
  })

  test('changes when a corridor closes', async () => {
    const { corridors } = registry
    registry.corridors = mapById([aPayableCorridor('SG-CN', { status: 'CLOSED' })])
    expect(await coverage({ wallet: 'wallet-sg-01' })).toMatchObject({ merchants: 0 })
    registry.corridors = corridors
    expect(await coverage({ wallet: 'wallet-sg-01' })).toMatchObject({ merchants: 3 })
  })

  test('has the figures of the programme', async () => {
    const figures = '{ programme { mainlandMerchants qrProducts onlineMerchants foreignMerchants } }'
    expect((await execute(figures)).programme).toEqual({
      mainlandMerchants: 2,
      qrProducts: 2,
      onlineMerchants: 1,
      foreignMerchants: 1,
    })
  })
})

describe('registering merchants', () => {
  const document = `mutation ($input: RegisterMerchantsInput!) { registerMerchants(input: $input) {
    __typename ... on MerchantsRegistered { created updated rejected { index code message } } ... on Problem { code path }
  } }`
  const register = async (rows: readonly object[], context = acquirer): Promise<Data> =>
    (await execute(document, { input: { merchants: rows } }, context)).registerMerchants

  test('adds or refuses rows one by one, and counts them at once', async () => {
    const count = async () => (await execute('{ merchantCoverage { merchants } }')).merchantCoverage.merchants
    const before = await count()
    const rows = [
      aRow({ mid: 'R1' }),
      aRow({ mid: 'R2', mcc: '0001' }),
      aRow({ mid: 'R3', online: true, location: null }),
    ]
    expect(await register(rows)).toEqual({
      __typename: 'MerchantsRegistered',
      created: 2,
      updated: 0,
      rejected: [{ index: 1, code: 'BAD_VALUE', message: expect.stringContaining('0001') }],
    })
    expect(await count()).toBe(before + 2)
    expect(await register(rows)).toMatchObject({ created: 0, updated: 2 })
    expect(await count()).toBe(before + 2)
    const { viewer, requestId } = acquirer
    const entry = { actor: viewer.participant, key: viewer.key, requestId, before: null }
    const audited = db.collection('audit').find({ action: 'registerMerchants' }, { sort: { _id: 1 } })
    expect(await audited.toArray()).toMatchObject([
      { ...entry, after: '{"created":2,"rejected":1,"updated":0}' },
      { ...entry, after: '{"created":0,"rejected":1,"updated":2}' },
    ])
  })

  test('finds a merchant by its new name at once, and no longer by the old one', async () => {
    const found = async (search: string) =>
      (await execute(`{ merchants(where: { search: "${search}" }) { edges { node { id } } } }`)).merchants
        .edges
    const counted = async (search: string) =>
      (await execute(`{ merchantCoverage(where: { search: "${search}" }) { merchants } }`)).merchantCoverage
        .merchants
    await register([aRow({ mid: 'RN', name: 'Zebrafish Corner' })])
    expect([await found('zebrafish'), await counted('zebrafish')]).toMatchObject([[{}], 1])
    await register([aRow({ mid: 'RN', name: 'Quokka Corner' })])
    expect([await found('zebrafish'), await counted('zebrafish')]).toEqual([[], 0])
    expect([await found('quokka'), await counted('quokka')]).toMatchObject([[{}], 1])
  })

  test('accepts 0 to 1,000 rows', async () => {
    const rows = (size: number) => Array.from({ length: size }, (_, n) => aRow({ mid: `K${n}` }))
    expect(await register([])).toMatchObject({ created: 0, updated: 0, rejected: [] })
    expect(await register(rows(1_000))).toMatchObject({ created: 1_000 })
    expect(await register(rows(1_001))).toMatchObject({ code: 'TOO_MANY', path: ['input', 'merchants'] })
  })

  test.each([
    { caller: 'a wallet', context: asViewer('wallet-sg-01', 'merchants:write') },
    { caller: 'an acquirer’s key without the scope', context: asViewer('acquirer-cn-01', 'coverage:read') },
  ])('is refused to $caller', async ({ context }) => {
    expect(await register([aRow()], context)).toMatchObject({ __typename: 'Refused', code: 'FORBIDDEN' })
  })
})

describe('issuing codes', () => {
  test('returns a code that decodes to its merchant and amount', async () => {
    const amount = { amount: '215.5', currency: 'CNY' }
    const code = await issue({
      idempotencyKey: 'dynamic',
      kind: 'DYNAMIC',
      amount,
      reference: 'T-7',
      ttlSeconds: 60,
    })
    expect(code).toMatchObject({
      __typename: 'MerchantCode',
      kind: 'DYNAMIC',
      expiresAt: '2026-03-01T12:01:00.000Z',
      merchant: { id: 'acquirer-cn-01.M000001' },
    })
    expect(code.svg).toMatch(/^<svg /)
    expect(await decode(code.payload)).toMatchObject({
      __typename: 'QrCode',
      mode: 'MPM',
      scheme: 'UnionPay',
      pointOfInitiation: 'DYNAMIC',
      warnings: [],
      amount: { amount: '215.50', currency: 'CNY' },
      tip: null,
      additionalData: { referenceLabel: 'T-7', billNumber: null },
      printedMerchant: {
        name: 'Golden Lotus Cafe',
        city: 'Shanghai',
        country: { code: 'CN' },
        mcc: { code: '5812' },
      },
      merchant: { id: 'acquirer-cn-01.M000001' },
      expiresAt: '2026-03-01T12:01:00.000Z',
      expired: false,
    })
    now = new Date(noon.getTime() + 60_000)
    expect(await decode(`\uFEFF\u200B ${code.payload}\r\n\0`)).toMatchObject({
      expired: true,
      merchant: { id: 'acquirer-cn-01.M000001' },
    })
  })

  test('of another acquirer’s merchant is refused under a used key', async () => {
    await issue({ idempotencyKey: 'used' })
    expect(await issue({ idempotencyKey: 'used' }, rival)).toMatchObject({ code: 'MERCHANT_UNKNOWN' })
  })

  test('is refused for a merchant of another acquirer and for an unknown one', async () => {
    const input = { idempotencyKey: 'strange', merchant: thai.id }
    expect(await issue(input)).toMatchObject({
      __typename: 'Refused',
      code: 'MERCHANT_UNKNOWN',
      path: ['input', 'merchant'],
    })
    expect(await issue({ ...input, merchant: 'nobody' })).toMatchObject({ code: 'MERCHANT_UNKNOWN' })
    expect(await issue({ idempotencyKey: 'shut', merchant: 'acquirer-cn-01.SHUT' })).toMatchObject({
      code: 'MERCHANT_INACTIVE',
    })
    expect(await issue({}, wallet)).toMatchObject({ code: 'FORBIDDEN' })
  })

  test('shows codes that have not expired to their acquirer and the operator, newest first', async () => {
    const amount = { amount: '1', currency: 'CNY' }
    const merchant = 'acquirer-cn-01.K7'
    const ids: string[] = []
    for (let n = 0; n < 22; n++) {
      now = new Date(noon.getTime() + n)
      ids.unshift((await issue({ idempotencyKey: `list-${n}`, merchant, reference: `${n}` })).id)
    }
    await issue({ idempotencyKey: 'ended', merchant, kind: 'DYNAMIC', amount, ttlSeconds: 30 })
    now = new Date(noon.getTime() + 60_000)
    const document = `{ merchant(id: "${merchant}") { codes { id } } }`
    for (const context of [acquirer, operator]) {
      expect((await execute(document, {}, context)).merchant.codes.map(({ id }: Data) => id)).toEqual(
        ids.slice(0, 20),
      )
    }
    for (const context of [rival, wallet])
      expect((await execute(document, {}, context)).merchant.codes).toEqual([])
    const entity = `query ($representations: [_Any!]!) { _entities(representations: $representations) { ... on MerchantCode { id } } }`
    const representations = [{ __typename: 'MerchantCode', id: ids[0] }]
    expect((await execute(entity, { representations }, acquirer))._entities).toEqual([{ id: ids[0] }])
    expect((await execute(entity, { representations }, wallet))._entities).toEqual([null])
  })
})

describe('decoding codes', () => {
  test('finds the merchant of a UnionPay code that was printed elsewhere', async () => {
    expect(await decode(aPayload())).toMatchObject({
      merchant: { id: 'acquirer-cn-01.M000001', acquirer: { id: 'acquirer-cn-01' } },
      pointOfInitiation: null,
      expiresAt: null,
      expired: false,
      fields: expect.arrayContaining([{ tag: '15', value: anAccount(), fields: null }]),
    })
    expect(await decode(aPayload({ '15': anAccount('M999999') }))).toMatchObject({
      merchant: null,
    })
    expect(await decode(aPayload({ '15': anAccount('M000001', '99999999') }))).toMatchObject({
      merchant: null,
    })
  })

  test.each([
    {
      what: 'a fixed tip',
      extra: { '55': '02', '56': '1.50' },
      tip: { kind: 'FIXED', amount: { amount: '1.50', currency: 'CNY' }, percent: null },
    },
    {
      what: 'a tip in percent',
      extra: { '55': '03', '57': '7.5' },
      tip: { kind: 'PERCENT', amount: null, percent: '7.5' },
    },
    {
      what: 'a tip that the payer chooses',
      extra: { '55': '01' },
      tip: { kind: 'PROMPT', amount: null, percent: null },
    },
  ])('reads $what', async ({ extra, tip }) => {
    expect(await decode(aPayload(extra))).toMatchObject({ tip })
  })

  test.each([
    {
      what: 'yen with needless digits',
      extra: { '53': '392', '54': '700.00' },
      amount: { amount: '700', currency: 'JPY' },
    },
    { what: 'yuan with one digit', extra: { '54': '1.5' }, amount: { amount: '1.50', currency: 'CNY' } },
    { what: 'more digits than yuan have', extra: { '54': '1.505' }, amount: null },
    { what: 'no amount', extra: {}, amount: null },
    { what: 'a currency that the hub does not support', extra: { '53': '951', '54': '1.50' }, amount: null },
  ])('reads the amount: $what', async ({ extra, amount }) => {
    expect(await decode(aPayload(extra))).toMatchObject({ __typename: 'QrCode', amount })
  })

  test('finds no merchant for an altered dynamic code of the hub', async () => {
    const amount = { amount: '5.00', currency: 'CNY' }
    const code = await issue({ idempotencyKey: 'altered', kind: 'DYNAMIC', amount })
    const read = decodeMpm(code.payload, 'STRICT')
    const altered = (tag: string, field: object): string =>
      encodeFields(read.fields.map((one) => (one.tag === tag ? { tag, ...field } : one)))
    const cheaper = altered('54', { value: '0.05' })
    expect(await decode(cheaper)).toMatchObject({
      amount: { amount: '0.05' },
      merchant: null,
      expiresAt: null,
    })
    const [identifier] = read.unreserved[0]!.fields
    const unheard = altered('80', { fields: [identifier, { tag: '01', value: '0'.repeat(32) }] })
    expect(await decode(unheard)).toMatchObject({ amount: { amount: '5.00' }, merchant: null })
    expect(await decode(altered('54', { value: '5.00' }))).toMatchObject({
      merchant: { id: 'acquirer-cn-01.M000001' },
    })
  })

  test('reports the fault of a text that is not a code, and its offset', async () => {
    const payload = aPayload()
    const damaged = `${payload.slice(0, -1)}${payload.endsWith('0') ? '1' : '0'}`
    expect(await decode(damaged)).toMatchObject({
      __typename: 'QrInvalid',
      code: 'QR_INVALID',
      fault: 'CRC_MISMATCH',
      tag: '63',
      path: ['payload'],
    })
    expect(await decode('')).toMatchObject({ __typename: 'QrInvalid', fault: 'NOT_A_QR_CODE', offset: 0 })
    expect(await decode('0'.repeat(4_097))).toMatchObject({
      __typename: 'QrInvalid',
      fault: 'TOO_LONG',
      offset: 4_096,
    })
  })

  test('reads under LENIENT what STRICT refuses', async () => {
    const nameless = aPayload({ '59': undefined })
    expect(await decode(nameless)).toMatchObject({
      warnings: [{ code: 'MISSING_TAG', tag: '59' }],
      printedMerchant: { name: null },
    })
    expect(await decode(nameless, 'STRICT')).toMatchObject({
      __typename: 'QrInvalid',
      fault: 'MISSING_TAG',
      tag: '59',
    })
  })

  test.each([
    { when: 'more decimals than the currency has', change: { '54': '10.005' }, tag: '54', currency: 'CNY' },
    { when: 'an unsupported currency', change: { '53': '928', '54': '260.00' }, tag: '53', currency: 'VES' },
    { when: 'no currency', change: { '53': undefined, '54': '10.00' }, tag: '53', currency: null },
    { when: 'more than the hub supports', change: { '54': '90000000000000.01' }, tag: '54', currency: 'CNY' },
    { when: 'a fee without value', change: { '54': '10.00', '55': '02' }, tag: '56', currency: 'CNY' },
  ])('lists what it cannot price: $when', async ({ change, tag, currency }) => {
    expect(await decode(aPayload(change))).toMatchObject({
      __typename: 'QrCode',
      unreadable: [{ tag, message: expect.stringContaining(`field ${tag}`) }],
      currency,
    })
  })

  test('prices a code whose money is exact', async () => {
    expect(await decode(aPayload({ '53': '392', '54': '500.00' }))).toMatchObject({
      unreadable: [],
      currency: 'JPY',
      amount: { amount: '500', currency: 'JPY' },
    })
  })

  test('recognises URLs and codes that customers show', async () => {
    expect(await decode('https://qr.95516.com/00010000/0123456789')).toMatchObject({
      mode: 'URL',
      scheme: 'UnionPay',
      merchant: null,
      fields: [],
    })
    const shown = encodeCpm({
      applications: [{ aid: 'A000000333010101', label: 'Wallet', lastFour: '4711' }],
    })
    expect(await decode(shown)).toMatchObject({
      __typename: 'QrCode',
      mode: 'CPM',
      scheme: 'UnionPay',
      pointOfInitiation: null,
      printedMerchant: null,
      merchant: null,
      fields: expect.arrayContaining([expect.objectContaining({ tag: '61' })]),
    })
  })
})

let references = 0
describeIdempotency('a merchant code', {
  allowsControlCharacters: true,
  clock: { now: () => now, move: (ms) => (now = new Date(now.getTime() + ms)) },
  open: async () => `contract ${++references}`,
  call: (reference, idempotencyKey, input, process) =>
    issue(
      { idempotencyKey, reference: input === 'first' ? reference : `other ${reference}` },
      acquirer,
      process === 0 ? subgraph : otherSubgraph,
    ),
  effects: () => db.collection('codes').countDocuments(),
})
