import { buildSchema, isEnumType, isInputObjectType, isObjectType, parse, validate } from 'graphql'
import { readFileSync } from 'node:fs'
import { pino } from 'pino'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { apiSdl, composeSupergraph } from '../../../gateway/supergraph/index.ts'
import { readTrace } from '../../../gateway/telemetry/ftv1.ts'
import { importOffers, offersSdl, startOffersServer, type Offer } from '../../../subgraphs/offers/index.ts'
import { subgraphSdl } from '../../../subgraphs/shared/subgraph.ts'
import { composableSdl } from '../../../subgraphs/shared/visibility.ts'
import { aDataset } from '../../fixtures/a-dataset.ts'
import { anId } from '../../fixtures/an-id.ts'
import { freshDatabase } from '../../harness/mongo.ts'

const { db } = await freshDatabase()
const now = new Date('2026-03-01T00:00:00Z')
const server = await startOffersServer({
  db,
  host: '127.0.0.1',
  port: 0,
  now: () => now,
  logger: pino({ level: 'silent' }),
})
afterAll(() => server.close())

const at = (days: number) => new Date(now.getTime() + days * 86_400_000)
const base: Offer = {
  id: anId('shop:1'),
  merchant: anId('shop'),
  kind: 'TAX_REFUND',
  title: 'Tax refund in the shop for travellers',
  currency: 'CNY',
  gift: { basisPoints: 900, amount: null },
  minimum: { minor: 20_000n, currency: 'CNY' },
  maximum: null,
  wallets: [anId('wallet-sg-01')],
  validFrom: at(-10),
  validUntil: at(10),
  location: { lat: 31.23, lng: 121.47 },
}
const cashback: Offer = {
  ...base,
  id: anId('shop:2'),
  kind: 'CASHBACK',
  gift: { basisPoints: null, amount: { minor: 800n, currency: 'CNY' } },
  minimum: null,
  wallets: null,
  validUntil: at(5),
}
const expired: Offer = { ...base, id: anId('shop:3'), validFrom: at(-40), validUntil: at(-20), wallets: null }
const far: Offer = {
  ...cashback,
  id: anId('far:1'),
  merchant: anId('far'),
  location: { lat: 31.24, lng: 121.47 },
}

beforeAll(() => importOffers(db, [base, cashback, expired, far]))

// Answers are as deep as their documents.
// oxlint-disable-next-line typescript/no-explicit-any
async function ask(query: string, variables: object = {}, headers: object = {}): Promise<any> {
  const response = await fetch(server.url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ query, variables }),
  })
  return response.json()
}

const entities = `query($representations: [_Any!]!) { _entities(representations: $representations) {
  ... on Merchant { offers(wallet: "wallet-sg-01") { id } }
  ... on Payment { appliedOffer { offer { id } benefit { amount currency } } }
  ... on Offer { title percent amount { amount } }
} }`
const payment = (changes: object = {}) => ({
  __typename: 'Payment',
  id: 'p',
  createdAt: now.toISOString(),
  settlementDate: '2026-03-01',
  merchantAmount: { amount: '300.00', currency: 'CNY' },
  merchant: { id: 'shop' },
  wallet: { id: 'wallet-sg-01' },
  ...changes,
})
const applied = async (changes: object = {}) =>
  (await ask(entities, { representations: [payment(changes)] })).data._entities[0].appliedOffer

describe('the offers subgraph', () => {
  test('lists what a shop gives now, those that expire first come first', async () => {
    const representations = ['shop', 'nowhere', 'far'].map((id) => ({ __typename: 'Merchant', id }))
    expect((await ask(entities, { representations })).data._entities).toEqual([
      { offers: [{ id: 'shop:2' }, { id: 'shop:1' }] },
      { offers: [] },
      { offers: [{ id: 'far:1' }] },
    ])
  })

  test('gives a payment the best offer of its time, its wallet and its amount', async () => {
    expect(await applied()).toEqual({
      offer: { id: 'shop:1' },
      benefit: { amount: '27.00', currency: 'CNY' },
    })
    expect(await applied({ wallet: { id: 'wallet-th-01' } })).toMatchObject({ offer: { id: 'shop:2' } })
    expect(await applied({ createdAt: at(-30).toISOString() })).toMatchObject({ offer: { id: 'shop:3' } })
    expect(await applied({ createdAt: at(-50).toISOString() })).toBe(null)
    expect(await applied({ settlementDate: null })).toBe(null)
  })

  test('finds offers near a point, the nearest first, of a wallet and of kinds', async () => {
    const near = (more: string) =>
      `{ offers(near: { lat: 31.23, lng: 121.47, radiusMeters: 5000 } ${more}) { distanceMeters offer { id } } }`
    const found = async (more = '') =>
      (await ask(near(more))).data.offers.map((row: { offer: { id: string } }) => row.offer.id)
    expect(await found()).toEqual(['shop:1', 'shop:2', 'far:1'])
    expect(await found('wallet: "wallet-th-01"')).toEqual(['shop:2', 'far:1'])
    expect(await found('kinds: [TAX_REFUND]')).toEqual(['shop:1'])
    expect(await found('first: 1')).toEqual(['shop:1'])
    expect((await ask(near(''))).data.offers[2].distanceMeters).toBe(1113)
  })

  test.each([
    {
      what: 'a circle without a radius',
      document: '{ offers(near: { lat: 0, lng: 0, radiusMeters: 0 }) { distanceMeters } }',
      code: 'BAD_VALUE',
      path: ['near', 'radiusMeters'],
    },
    {
      what: 'too many rows',
      document: '{ offers(near: { lat: 0, lng: 0, radiusMeters: 9 }, first: 101) { distanceMeters } }',
      code: 'BAD_PAGE',
      path: ['first'],
    },
    {
      what: 'an amount of another currency',
      document:
        '{ offers(near: { lat: 31.23, lng: 121.47, radiusMeters: 9 }) { offer { benefit(amount: { amount: "9", currency: "THB" }) { amount } } } }',
      code: 'WRONG_CURRENCY',
      path: ['amount', 'currency'],
    },
    {
      what: 'an amount with too many digits',
      document:
        '{ offers(near: { lat: 31.23, lng: 121.47, radiusMeters: 9 }) { offer { benefit(amount: { amount: "9.001", currency: "CNY" }) { amount } } } }',
      code: 'AMOUNT_TOO_PRECISE',
      path: ['amount', 'amount'],
    },
  ])('refuses $what with $code', async ({ document, code, path }) => {
    expect((await ask(document)).errors[0].extensions).toEqual({ code, retryable: false, path })
  })

  test('reads each kind of gift from MongoDB as it was written', async () => {
    const representations = ['shop:1', 'shop:2', 'none'].map((id) => ({ __typename: 'Offer', id }))
    expect((await ask(entities, { representations })).data._entities).toEqual([
      { title: base.title, percent: '9', amount: null },
      { title: base.title, percent: null, amount: { amount: '8.00' } },
      null,
    ])
  })

  test('reads the offers of many merchants by an index', async () => {
    const plan = await db
      .collection('offers')
      .find({ merchant: { $in: ['shop', 'far'] }, validUntil: { $gt: now }, validFrom: { $lte: now } })
      .sort({ merchant: 1, validUntil: 1, _id: 1 })
      .explain('executionStats')
    const text = JSON.stringify(plan, (_, value: unknown) =>
      typeof value === 'bigint' ? Number(value) : value,
    )
    expect(text).toContain('"indexName":"merchant_1_validUntil_1"')
    expect(plan.executionStats.totalDocsExamined).toBe(3)
  })
})

describe('the schema with offers', () => {
  const own = (['participant', 'merchant', 'transaction', 'analytics'] as const).map((name) => ({
    name,
    sdl: composableSdl(subgraphSdl(name)),
  }))
  const api = buildSchema(apiSdl(composeSupergraph([...own, { name: 'offers', sdl: offersSdl }])))

  test('is what the documents of wallets are written for', () => {
    const file = new URL('../../../schema/operations/offers.graphql', import.meta.url)
    expect(validate(api, parse(readFileSync(file, 'utf8'))).map(String)).toEqual([])
  })

  test.each(['Offer', 'AppliedOffer', 'NearbyOffer', 'OfferKind'])('describes each member of %s', (name) => {
    const type = api.getType(name)
    const members = isEnumType(type)
      ? type.getValues()
      : isObjectType(type) || isInputObjectType(type)
        ? Object.values(type.getFields())
        : []
    expect(members.length).toBeGreaterThan(0)
    expect(members.filter(({ description }) => !description).map(({ name: member }) => member)).toEqual([])
    expect(type!.description).toBeTruthy()
  })
})

describe('the offers of the data set', () => {
  const { offers, merchants } = aDataset(1, 0.001)
  const all = [...offers]

  test('are the same at each reading, of active merchants, and within their time', () => {
    expect([...offers]).toEqual(all)
    expect(all.length).toBeGreaterThan(merchants.count / 20)
    const active = new Set([...merchants].filter(({ status }) => status === 'ACTIVE').map(({ id }) => id))
    expect(all.filter(({ merchant }) => !active.has(merchant))).toEqual([])
    expect(all.filter(({ validFrom, validUntil }) => validFrom >= validUntil)).toEqual([])
  })

  test('have tax refunds for travellers in shops of the mainland', () => {
    const refunds = all.filter(({ kind }) => kind === 'TAX_REFUND')
    expect(refunds.length).toBeGreaterThan(10)
    for (const { currency, wallets } of refunds) {
      expect(currency).toBe('CNY')
      expect(wallets).not.toEqual([])
    }
  })
})

test('the times of resolvers are sent to a hub that wants them, and to no other', async () => {
  const variables = { representations: [{ __typename: 'Merchant', id: 'shop' }] }
  const wanted = { 'apollo-federation-include-trace': 'ftv1' }
  const { extensions } = await ask(entities, variables, wanted)
  const trace = readTrace(extensions.ftv1)!
  const fields = trace.resolvers.map(({ field }) => field)
  expect(fields).toEqual(expect.arrayContaining(['Query._entities', 'Merchant.offers', 'Offer.id']))
  for (const { toMs } of trace.resolvers) expect(toMs).toBeLessThanOrEqual(trace.durationMs)
  expect(await ask(entities, variables)).not.toHaveProperty('extensions')
})
