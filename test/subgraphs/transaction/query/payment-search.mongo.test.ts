import { beforeAll, describe, expect, test } from 'vitest'
import { money } from '../../../../schema/values/money.ts'
import { isRefusal } from '../../../../schema/values/problems.ts'
import type { Visibility } from '../../../../subgraphs/shared/access.ts'
import type { Payment } from '../../../../subgraphs/transaction/payment/payment.ts'
import { transactionQuery } from '../../../../subgraphs/transaction/query/transaction-filter.ts'
import { candidatesMax } from '../../../../subgraphs/transaction/store/payment-search.ts'
import { createPaymentStore, loadPayments } from '../../../../subgraphs/transaction/store/payment-store.ts'
import { anId } from '../../../fixtures/an-id.ts'
import { freshDatabase } from '../../../harness/mongo.ts'

const { db } = await freshDatabase()
const store = await createPaymentStore(db)
const all: Visibility = { kind: 'all' }
const ownOf = (wallet: string | null, acquirer: string | null = null): Visibility => ({
  kind: 'own',
  wallet: wallet === null ? null : anId(wallet),
  acquirer: acquirer === null ? null : anId(acquirer),
  corridors: new Set(),
})
const wallets = ['wallet-sg-01', 'wallet-th-01'] as const

const firstMs = Date.parse('2026-03-01T00:00:00Z')
const acquirer = 'acquirer-cn-01'
/** What lists read of payment number `n`: ids in order of time, references "run-0000001" and so on. */
const numbered = (n: number, over: Partial<Payment> = {}): Payment => {
  const at = new Date(firstMs + n)
  const id = at.getTime().toString(16).padStart(12, '0')
  return {
    acquirer: anId(acquirer),
    status: 'COMPLETED',
    _id: anId(`${id.slice(0, 8)}-${id.slice(8)}-7000-8000-${String(n).padStart(12, '0')}`),
    createdAt: at,
    wallet: anId(wallets[n % 2]!),
    reference: `run-${String(n).padStart(7, '0')}`,
    merchantAmount: money(BigInt(n) + 1n, 'CNY'),
    keys: [{ id: anId(`key/${n}`), hash: '', at }],
    ...over,
  } as unknown as Payment
}
const count = candidatesMax + 2_000

beforeAll(async () => {
  const payments = Array.from({ length: count }, (_, n) =>
    numbered(n, n === 3 ? { reference: 'rare-1' } : {}),
  )
  for (let n = 0; n < count; n += 1_000) await loadPayments(db, payments.slice(n, n + 1_000))
})

type Where = Parameters<typeof transactionQuery>[0]

const queryOf = (where: Where, visibility: Visibility = all) => {
  const query = transactionQuery(
    where,
    visibility,
    wallets.map((id) => anId(id)),
  )
  if (isRefusal(query)) throw new Error(query.message)
  return query
}

/** All pages of a list, and how many there were. */
async function listOf(where: Where, visibility: Visibility = all) {
  const ids: string[] = []
  let pages = 0
  for (let after: string | null = null; ; pages++) {
    const { rows, readTo } = await store.search(queryOf(where, visibility), {
      after: after === null ? null : anId(after),
      max: 100,
    })
    ids.push(...rows.map(({ reference }) => reference))
    after = rows.length === 100 ? rows.at(-1)!._id : readTo
    if (after === null) return { ids, pages: pages + 1 }
  }
}

describe('a list of payments', () => {
  test('has each payment of a range of amounts once, though a page reads a bounded number', async () => {
    const where = { amount: { currency: 'CNY', min: '0.01', max: '0.10' } }
    const { ids, pages } = await listOf(where)
    expect(ids).toEqual(
      Array.from({ length: 10 }, (_, n) => (n === 6 ? 'rare-1' : `run-${String(9 - n).padStart(7, '0')}`)),
    )
    // The newest ten thousand have no match: their page is empty, and the next one continues.
    expect(pages).toBe(2)
    expect((await listOf({ amount: { currency: 'JPY', min: '1' } })).ids).toEqual([])
  })

  test('finds a beginning of a reference, however old its payment is', async () => {
    expect(await listOf({ reference: 'rare' })).toEqual({ ids: ['rare-1'], pages: 1 })
    expect(await listOf({ reference: 'run-000001' }, ownOf('wallet-sg-01'))).toEqual({
      ids: ['run-0000018', 'run-0000016', 'run-0000014', 'run-0000012', 'run-0000010'],
      pages: 1,
    })
    expect((await listOf({ reference: 'rare' }, ownOf('wallet-sg-01'))).ids).toEqual([])
  })

  test('reads a common beginning in the order of the list', async () => {
    const { rows } = await store.search(queryOf({ reference: 'run-' }), { after: null, max: 3 })
    expect(rows.map(({ reference }) => reference)).toEqual(
      [count - 1, count - 2, count - 3].map((n) => `run-00${n}`),
    )
  })

  test('shows an acquirer the references of its own payments alone', async () => {
    expect((await listOf({ reference: 'rare' }, ownOf(null, acquirer))).ids).toEqual(['rare-1'])
    expect((await listOf({ reference: 'rare' }, ownOf(null, 'acquirer-cn-99'))).ids).toEqual([])
  })

  test.each([
    { where: {}, visibility: all, expected: { value: count, kind: 'ESTIMATED' } },
    { where: { wallets: ['wallet-sg-01'] }, visibility: all, expected: { value: count / 2, kind: 'EXACT' } },
    { where: {}, visibility: ownOf('wallet-th-01'), expected: { value: count / 2, kind: 'EXACT' } },
    { where: { reference: 'rare' }, visibility: all, expected: { value: 1, kind: 'EXACT' } },
    {
      where: { amount: { currency: 'CNY', min: '0.01' } },
      visibility: all,
      expected: { value: candidatesMax, kind: 'AT_LEAST' },
    },
  ])('is counted as far as that is cheap: $expected.kind', async ({ where, visibility, expected }) => {
    expect(await store.count(queryOf(where, visibility))).toEqual(expected)
  })

  test('reads no more payments than a page may', async () => {
    const { candidates, checks } = queryOf({ amount: { currency: 'CNY', max: '0.01' } })
    expect({ candidates, checks }).toEqual({
      candidates: [],
      checks: [{ 'merchantAmount.currency': 'CNY' }, { 'merchantAmount.minor': { $lte: 1n } }],
    })
    await db.command({ profile: 2 })
    await store.search(queryOf({ amount: { currency: 'CNY', max: '0.01' } }), { after: null, max: 20 })
    await db.command({ profile: 0 })
    const read = await db
      .collection('system.profile')
      .find({ ns: `${db.databaseName}.payments`, op: 'query' })
      .toArray()
    expect(read.length).toBe(2)
    expect(Math.max(...read.map(({ docsExamined }) => Number(docsExamined)))).toBeLessThanOrEqual(
      candidatesMax,
    )
  })
})
