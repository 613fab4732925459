import { pino } from 'pino'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { importMerchants, openMerchantSubgraph } from '../../../subgraphs/merchant/index.ts'
import type { Subgraph } from '../../../subgraphs/shared/subgraph.ts'
import type { RequestContext } from '../../../subgraphs/shared/viewer.ts'
import { describeIdempotency } from '../../contracts/idempotency.ts'
import { aMerchant, noon, products } from '../../fixtures/a-merchant.ts'
import { aPayableRegistry } from '../../fixtures/a-payable-registry.ts'
import { asViewer } from '../../fixtures/as-viewer.ts'
import { connectAgain, freshDatabase } from '../../harness/mongo.ts'

const database = await freshDatabase()
const { db } = database
const elsewhere = await connectAgain(database)
const acquirer = asViewer('acquirer-cn-01', 'merchants:write')
const rival = asViewer('acquirer-cn-02', 'merchants:write')
const operator = asViewer('operator', 'operator')
const wallet = asViewer('wallet-sg-01', 'payments:write')

let now = noon
let here: Subgraph
let there: Subgraph
beforeAll(async () => {
  const merchants = ['OWN', 'HELD', 'GONE', 'KEYED'].map((mid) => aMerchant({ mid }))
  await importMerchants(db, merchants, { products })
  const dependencies = { registry: aPayableRegistry(), now: () => now, logger: pino({ level: 'silent' }) }
  here = await openMerchantSubgraph({ db, ...dependencies })
  there = await openMerchantSubgraph({ db: elsewhere.db(database.name), ...dependencies })
})
afterAll(() => Promise.all([here.close(), there.close()]))

// eslint-disable-next-line typescript/no-explicit-any
type Data = any

async function execute(document: string, context: RequestContext, input: object, at = here): Promise<Data> {
  const { data, errors } = await at.app.graphql(document, context as never, { input })
  if (errors?.length) throw errors[0]
  return Object.values(data as Data)[0]
}

const setStatus = `mutation ($input: SetMerchantStatusInput!) { setMerchantStatus(input: $input) { __typename
  ... on Merchant { id status } ... on Problem { code message path retryable }
  ... on IdempotencyConflict { firstUsedAt } } }`
const setProduct = `mutation ($input: SetQrProductInput!) { setQrProduct(input: $input) { __typename
  ... on QrProduct { id name version acceptsForeignWallets } ... on Problem { code message path retryable }
  ... on IdempotencyConflict { firstUsedAt } } }`
let keys = 0
const move = (mid: string, expectedStatus: string, status: string, context = acquirer) =>
  execute(setStatus, context, {
    idempotencyKey: `key-${++keys}`,
    merchant: `acquirer-cn-01.${mid}`,
    expectedStatus,
    status,
    reason: 'A check',
  })
const counted = async (at = here): Promise<number> => {
  const query = '{ merchantCoverage { merchants } }'
  const { data } = await at.app.graphql(query, wallet as never)
  return (data as Data).merchantCoverage.merchants
}
const audited = (target: string) => db.collection('audit').find({ target }).sort({ _id: 1 }).toArray()

describe('the status of a merchant', () => {
  test('changes together with its count and its entry in the audit log', async () => {
    const before = await counted()
    expect(await move('OWN', 'ACTIVE', 'SUSPENDED')).toMatchObject({ status: 'SUSPENDED' })
    expect(await counted()).toBe(before - 1)
    expect(await move('OWN', 'SUSPENDED', 'ACTIVE')).toMatchObject({ status: 'ACTIVE' })
    expect(await counted()).toBe(before)
    expect(await audited('merchant:acquirer-cn-01.OWN')).toMatchObject([
      {
        actor: 'acquirer-cn-01',
        key: acquirer.viewer.key,
        after: '{"reason":"A check","status":"SUSPENDED"}',
      },
      { action: 'setMerchantStatus', before: '{"status":"SUSPENDED"}' },
    ])
  })

  test.each([
    ['another present status', 'SUSPENDED', 'ACTIVE', 'VERSION_CONFLICT', 'expectedStatus'],
    ['the same status', 'ACTIVE', 'ACTIVE', 'STATUS_NOT_ALLOWED', 'status'],
  ] as const)('is refused for %s', async (_, expected, next, code, field) => {
    expect(await move('OWN', expected, next)).toMatchObject({ code, path: ['input', field] })
  })

  test('is for its acquirer and the operator alone', async () => {
    expect(await move('OWN', 'ACTIVE', 'SUSPENDED', rival)).toMatchObject({ code: 'MERCHANT_UNKNOWN' })
    expect(await move('OWN', 'ACTIVE', 'SUSPENDED', wallet)).toMatchObject({ code: 'FORBIDDEN' })
  })

  test('stays as the operator suspended it, also when its acquirer registers it again', async () => {
    await move('HELD', 'ACTIVE', 'SUSPENDED', operator)
    const row = { mid: 'HELD', name: 'A shop', mcc: '5812', country: 'CN', city: 'Shanghai', online: true }
    const register = `mutation ($input: RegisterMerchantsInput!) { registerMerchants(input: $input) {
      ... on MerchantsRegistered { updated rejected { message } } } }`
    expect(await execute(register, acquirer, { merchants: [row] })).toEqual({ updated: 1, rejected: [] })
    expect(await move('HELD', 'SUSPENDED', 'ACTIVE')).toMatchObject({ code: 'FORBIDDEN' })
    expect(await move('HELD', 'SUSPENDED', 'ACTIVE', operator)).toMatchObject({ status: 'ACTIVE' })
    expect(await move('HELD', 'ACTIVE', 'SUSPENDED')).toMatchObject({ status: 'SUSPENDED' })
    expect(await move('HELD', 'SUSPENDED', 'ACTIVE')).toMatchObject({ status: 'ACTIVE' })
  })

  test('is final once CLOSED', async () => {
    await move('GONE', 'ACTIVE', 'CLOSED')
    expect(await move('GONE', 'CLOSED', 'ACTIVE', operator)).toMatchObject({ code: 'STATUS_NOT_ALLOWED' })
  })
})

const statusOf = async () =>
  (await db
    .collection<{ _id: string; status: string }>('merchants')
    .findOne({ _id: 'acquirer-cn-01.KEYED' }))!.status
describeIdempotency('setMerchantStatus', {
  clock: { now: () => now, move: (ms) => (now = new Date(now.getTime() + ms)) },
  open: statusOf,
  call: (expectedStatus, idempotencyKey, which, process) =>
    execute(
      setStatus,
      acquirer,
      {
        idempotencyKey,
        merchant: 'acquirer-cn-01.KEYED',
        expectedStatus,
        status: expectedStatus === 'ACTIVE' ? 'SUSPENDED' : 'ACTIVE',
        reason: which === 'other' ? 'Another' : 'A pause',
      },
      process === 0 ? here : there,
    ),
  effects: async () => (await audited('merchant:acquirer-cn-01.KEYED')).length,
})

describe('a QR product', () => {
  const input = { id: 'qr-la-001', expectedVersion: 0, name: 'Lao Code', country: 'LA' }

  test('is added and changed by version, and each process reads the change', async () => {
    expect(await execute(setProduct, operator, { ...input, acceptsForeignWallets: true })).toMatchObject({
      id: 'qr-la-001',
      version: 1,
    })
    const renamed = { id: 'qr-la-001', expectedVersion: 1, name: 'Lao QR' }
    expect(await execute(setProduct, operator, renamed)).toMatchObject({
      name: 'Lao QR',
      version: 2,
      acceptsForeignWallets: true,
    })
    expect(await execute(setProduct, operator, renamed, there)).toMatchObject({ code: 'VERSION_CONFLICT' })
    const { data } = await here.app.graphql('{ qrProducts { id name } }', wallet as never)
    expect((data as Data).qrProducts).toContainEqual({ id: 'qr-la-001', name: 'Lao QR' })
  })

  test.each([
    [{ id: 'No' }, 'BAD_VALUE', 'id'],
    [{ id: 'qr-kh-001' }, 'BAD_VALUE', 'acceptsForeignWallets'],
    [{ id: 'qr-kh-001', expectedVersion: 3 }, 'NOT_FOUND', 'id'],
    [{ id: 'qr-cn-001', expectedVersion: 9 }, 'VERSION_CONFLICT', 'expectedVersion'],
    [{ id: 'qr-cn-001', expectedVersion: 1 }, 'BAD_VALUE', 'country'],
    [{ name: '' }, 'BAD_VALUE', 'name'],
    [{ country: 'XX' }, 'UNKNOWN_COUNTRY', 'country'],
  ])('is refused for %o', async (over, code, field) => {
    expect(await execute(setProduct, operator, { ...input, ...over })).toMatchObject({
      code,
      path: ['input', field],
    })
  })

  test('is for the operator', async () => {
    expect(await execute(setProduct, acquirer, input)).toMatchObject({ code: 'FORBIDDEN' })
  })
})
