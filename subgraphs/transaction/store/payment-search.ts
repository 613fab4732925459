// Lists of payments, newest first, by any filter. One index gives the candidates of a page in the order of
// the list, and a page reads a bounded number of them, however rare the matches are.

import type { Collection, Filter } from 'mongodb'
import type { ParticipantId, PaymentId } from '../../../schema/values/id.ts'
import { readForClient } from '../../platform/mongo/client-reads.ts'
import { countMax, type Count } from '../../shared/count.ts'
import type { Payment } from '../payment/payment.ts'
import { firstPaymentId } from './stored-refusal.ts'

export type Clause = Readonly<Record<string, unknown>>

export interface PaymentQuery {
  /** Clauses that `index` answers in order of id. */
  readonly candidates: readonly Clause[]
  /** An index of payments; null when MongoDB merges several. */
  readonly index: 'wallet' | 'acquirer' | 'merchant' | 'corridor' | '_id_' | null
  /** Clauses that each candidate is checked against. */
  readonly checks: readonly Clause[]
  /** Beginning of the reference, and the wallets whose index of references finds it; null without one. */
  readonly reference: { readonly beginning: string; readonly wallets: readonly ParticipantId[] } | null
}

export interface PaymentPage {
  readonly after: PaymentId | null
  readonly max: number
  readonly signal?: AbortSignal | undefined
}

export interface FoundPayments {
  readonly rows: readonly Payment[]
  /** The last candidate, when the page ended there before it was full; else null. */
  readonly readTo: PaymentId | null
}

/** Candidates that one page or one count reads. Checking them takes MongoDB some 30 ms. */
export const candidatesMax = countMax

/** Payments with one beginning of a reference that are sorted by id. More are found in the order of ids. */
const referencesMax = 1_000

/** Returns at most `max` payments that match, after the one with the id `after`. */
export async function searchPayments(
  payments: Collection<Payment>,
  query: PaymentQuery,
  { after, max, signal }: PaymentPage,
): Promise<FoundPayments> {
  const plan = await planOf(payments, query, signal)
  const start = after === null ? [] : [{ _id: { $lt: after } }]
  const readTo = plan.checks.length > 0 ? await lastCandidate(payments, plan, start, signal) : null
  const filter = filterOf([...plan.candidates, ...plan.checks, ...start, ...downTo(readTo)])
  const options = { sort: { _id: -1 }, limit: max, ...hintOf(plan), ...(signal && { signal }) } as const
  const rows = await readForClient(
    payments.db,
    'list',
    () => payments.find(filter, options).toArray(),
    signal,
  )
  return { rows, readTo: rows.length < max ? readTo : null }
}

/** Counts the payments that match, as far as that is cheap. */
export async function countPayments(
  payments: Collection<Payment>,
  query: PaymentQuery,
  signal?: AbortSignal,
): Promise<Count> {
  const plan = await planOf(payments, query, signal)
  const all = [...plan.candidates, ...plan.checks]
  const read = <Found>(run: () => Promise<Found>) => readForClient(payments.db, 'list', run, signal)
  if (all.length === 0) {
    return { value: await read(() => payments.estimatedDocumentCount()), kind: 'ESTIMATED' }
  }
  const last = await lastCandidate(payments, plan, [], signal)
  const filter = filterOf([...all, ...downTo(last)])
  const value = await read(() => payments.countDocuments(filter, hintOf(plan)))
  return { value, kind: last === null ? 'EXACT' : 'AT_LEAST' }
}

type Plan = Pick<PaymentQuery, 'candidates' | 'index' | 'checks'>

/** Turns a reference into ids where few payments have it, and otherwise into a check. */
async function planOf(
  payments: Collection<Payment>,
  { reference, ...plan }: PaymentQuery,
  signal?: AbortSignal,
): Promise<Plan> {
  if (!reference) return plan
  const { beginning, wallets } = reference
  const begins = { reference: { $gte: beginning, $lt: `${beginning}\u{10ffff}` } }
  if (wallets.length === 0) return { ...plan, checks: [...plan.checks, begins] }
  const found = payments.find({ wallet: { $in: wallets }, ...begins } as Filter<Payment>, {
    projection: { _id: 1 },
    limit: referencesMax + 1,
    hint: 'reference',
    ...(signal && { signal }),
  })
  const ids = (await readForClient(payments.db, 'list', () => found.toArray(), signal)).map(({ _id }) => _id)
  if (ids.length > referencesMax) return { ...plan, checks: [...plan.checks, begins] }
  return {
    candidates: [{ _id: { $in: ids } }],
    index: '_id_',
    checks: [...plan.candidates, ...plan.checks],
  }
}

/** The oldest candidate that a page from `start` on may read; null when there are fewer. */
async function lastCandidate(
  payments: Collection<Payment>,
  plan: Plan,
  start: readonly Clause[],
  signal?: AbortSignal,
): Promise<PaymentId | null> {
  const found = payments.find(filterOf([...plan.candidates, ...start]), {
    projection: { _id: 1 },
    sort: { _id: -1 },
    skip: candidatesMax - 1,
    limit: 1,
    ...hintOf(plan),
    ...(signal && { signal }),
  })
  const [last] = await readForClient(payments.db, 'list', () => found.toArray(), signal)
  return last?._id ?? null
}

const downTo = (last: PaymentId | null): readonly Clause[] => (last === null ? [] : [{ _id: { $gte: last } }])

const filterOf = (clauses: readonly Clause[]): Filter<Payment> => ({
  $and: [{ _id: { $gte: firstPaymentId } }, ...clauses],
})

const hintOf = ({ index }: Plan) => (index === null ? {} : { hint: index })
