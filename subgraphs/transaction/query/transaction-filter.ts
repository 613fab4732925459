// Reads the filters of a client into queries over payments and entries, limited to what the viewer may see.

import type { Direction } from '../../../schema/values/direction.ts'
import type { MerchantId, ParticipantId } from '../../../schema/values/id.ts'
import { parseMoney, type Money } from '../../../schema/values/money.ts'
import { isRefusal, refuse, type Refusal } from '../../../schema/values/problems.ts'
import type { LogEntry, StepKind, TransactionStatus } from '../../log/entry.ts'
import { sees, type Visibility } from '../../shared/access.ts'
import type { EventFilter } from '../live/event-filter.ts'
import { outcomes, type Outcome } from '../payment/lifecycle.ts'
import type { Clause, PaymentQuery } from '../store/payment-search.ts'
import { createdBetween, nothing, oneOf, visibleClauses } from './clauses.ts'

type Names = readonly string[] | null | undefined

/** The fields that filters of payments and of events have in common. */
interface PartyFilterInput {
  readonly wallets?: Names
  readonly acquirers?: Names
  readonly merchants?: Names
  readonly corridors?: Names
  readonly directions?: readonly Direction[] | null
}

export interface TransactionFilterInput extends PartyFilterInput {
  readonly kinds?: readonly ('PAYMENT' | 'REFUND')[] | null
  readonly statuses?: readonly TransactionStatus[] | null
  readonly outcomes?: readonly Outcome[] | null
  readonly createdFrom?: Date | null
  readonly createdTo?: Date | null
  readonly amount?: AmountRangeInput | null
  readonly reference?: string | null
}

interface AmountRangeInput {
  readonly currency: string
  readonly min?: string | null
  readonly max?: string | null
}

export interface TransactionEventFilterInput extends PartyFilterInput {
  readonly kinds?: readonly StepKind[] | null
  readonly to?: readonly TransactionStatus[] | null
}

/**
 * The payments that match `where`. Refuses with BAD_VALUE a long list or reference, with BAD_RANGE an empty
 * range, and an amount as `parseMoney` does. `wallets` are all wallets.
 */
export function transactionQuery(
  where: TransactionFilterInput | null | undefined,
  visibility: Visibility,
  wallets: readonly ParticipantId[],
): PaymentQuery | Refusal {
  const {
    kinds,
    statuses,
    outcomes: wanted,
    createdFrom,
    createdTo,
    amount,
    reference,
    ...parties
  } = where ?? {}
  const flaw = flawOf(parties, { statuses, outcomes: wanted }) ?? flawOfReference(reference)
  if (flaw) return flaw
  if (createdFrom && createdTo && createdFrom >= createdTo) {
    return refuse('BAD_RANGE', '`createdFrom` must be before `createdTo`', ['where', 'createdTo'])
  }
  const amounts = amount ? amountClauses(amount) : []
  if (isRefusal(amounts)) return amounts
  const { index, candidates, checks } = indexFor(parties, visibility)
  return {
    index,
    candidates: [
      ...candidates,
      ...createdBetween(createdFrom, createdTo),
      // The list holds payments only; their refunds are read with them.
      ...(kinds?.length && !kinds.includes('PAYMENT') ? [nothing] : []),
    ],
    checks: [
      ...checks,
      ...oneOf('status', statuses),
      ...oneOf('status', wanted?.length ? statusesOf(wanted) : null),
      ...amounts,
    ],
    reference: reference
      ? { beginning: reference, wallets: walletsOf(visibility, parties.wallets, wallets) }
      : null,
  }
}

/** The payments at one merchant. */
export const queryAtMerchant = (merchant: MerchantId, visibility: Visibility): PaymentQuery => ({
  ...indexFor({ merchants: [merchant] }, visibility),
  reference: null,
})

/**
 * Chooses the index that gives the candidates: the narrowest party of the filter, else what the viewer may
 * see. The other parties become checks.
 */
function indexFor(
  parties: PartyFilterInput,
  visibility: Visibility,
): Pick<PaymentQuery, 'index' | 'candidates' | 'checks'> {
  const visible = visibleClauses(visibility, '')
  const clauses = partyFields.map(([list, field]) => [field, oneOf(field, parties[list])] as const)
  const driver = indexedFields.find((field) =>
    clauses.some(([each, { length }]) => each === field && length > 0),
  )
  const others = clauses.flatMap(([field, clause]) => (field === driver ? [] : clause))
  if (driver) {
    const candidates = clauses.flatMap(([field, clause]) => (field === driver ? clause : []))
    return { index: driver, candidates, checks: [...visible, ...others] }
  }
  return { index: visibleIndex(visible), candidates: visible, checks: others }
}

/** From the narrowest to the widest. */
const indexedFields = ['merchant', 'wallet', 'acquirer', 'corridor'] as const

function visibleIndex(visible: readonly Clause[]): PaymentQuery['index'] {
  const [clause = {}] = visible
  const [field = '_id'] = Object.keys(clause)
  if (field === '_id') return '_id_'
  return indexedFields.find((each) => each === field) ?? null
}

/**
 * The wallets whose references the viewer may search by index: the index holds payments of the whole wallet,
 * so the viewer must see all of these.
 */
function walletsOf(
  visibility: Visibility,
  wanted: Names,
  all: readonly ParticipantId[],
): readonly ParticipantId[] {
  if (visibility.kind === 'all') return (wanted?.length ? wanted : all) as readonly ParticipantId[]
  const isWalletAlone = visibility.acquirer === null && visibility.corridors.size === 0
  return isWalletAlone && visibility.wallet !== null ? [visibility.wallet] : []
}

function flawOfReference(reference: string | null | undefined): Refusal | null {
  if (reference === null || reference === undefined || /^\P{Cc}{1,64}$/u.test(reference)) return null
  return refuse('BAD_VALUE', '`reference` is the first 1–64 characters of one', ['where', 'reference'])
}

function readEnd(
  amount: string | null | undefined,
  currency: string,
  end: 'min' | 'max',
): Money | null | Refusal {
  if (amount === null || amount === undefined) return null
  const path = ['where', 'amount']
  const read = parseMoney({ amount, currency }, path)
  return isRefusal(read) && read.path.at(-1) === 'amount' ? { ...read, path: [...path, end] } : read
}

/** Reads a range of amounts, as clauses of `merchantAmount`. */
function amountClauses({ currency, min, max }: AmountRangeInput): readonly Clause[] | Refusal {
  const path = ['where', 'amount']
  const least = readEnd(min, currency, 'min')
  if (isRefusal(least)) return least
  const most = readEnd(max, currency, 'max')
  if (isRefusal(most)) return most
  if (!least && !most) return refuse('BAD_RANGE', '`amount` needs `min` or `max`', path)
  if (least && most && least.minor > most.minor) {
    return refuse('BAD_RANGE', '`min` must not be above `max`', [...path, 'max'])
  }
  const bounds = { ...(least && { $gte: least.minor }), ...(most && { $lte: most.minor }) }
  return [{ 'merchantAmount.currency': currency }, { 'merchantAmount.minor': bounds }]
}

/**
 * The events that match `where`, as a predicate and as a query. Refuses with BAD_VALUE a long list.
 */
export function eventFilter(
  where: TransactionEventFilterInput | null | undefined,
  visibility: Visibility,
): EventFilter | Refusal {
  const { kinds, to, ...parties } = where ?? {}
  const flaw = flawOf(parties, { kinds, to })
  if (flaw) return flaw
  const clauses = [
    ...visibleClauses(visibility, 'payment.'),
    ...partyFields.flatMap(([list, field]) => oneOf(`payment.${field}`, parties[list])),
    ...oneOf('kind', kinds),
    ...oneOf('to', to),
  ]
  const tests: ((entry: LogEntry) => boolean)[] = []
  const addTest = (names: Names, valueOf: (entry: LogEntry) => string) => {
    if (!names?.length) return
    const allowed = new Set(names)
    tests.push((entry) => allowed.has(valueOf(entry)))
  }
  addTest(kinds, ({ kind }) => kind)
  addTest(to, (entry) => entry.to)
  for (const [list, field] of partyFields) addTest(parties[list], ({ payment }) => payment[field])
  return {
    matches: (entry) => sees(visibility, entry.payment) && tests.every((passes) => passes(entry)),
    query: clauses.length > 0 ? { $and: [...clauses] } : {},
  }
}

/** The wallet’s reference of a payment, or its retrieval reference number on a settlement date. */
export interface TransactionReferenceInput {
  readonly reference?: string | null
  readonly rrn?: string | null
  readonly settlementDate?: string | null
}

/**
 * The payments with this number; a `reference` matches payments of `wallets` only. Refuses with
 * EXACTLY_ONE anything but `reference` alone, or `rrn` with `settlementDate`.
 */
export function numberQuery(
  { reference, rrn, settlementDate }: TransactionReferenceInput,
  wallets: readonly ParticipantId[],
): readonly Clause[] | Refusal {
  const isByRrn = typeof rrn === 'string' && typeof settlementDate === 'string'
  if (typeof reference === 'string' && !rrn && !settlementDate) {
    return [{ wallet: { $in: wallets } }, { reference }]
  }
  if (isByRrn && !reference) return [{ rrn }, { settlementDate }]
  return refuse('EXACTLY_ONE', 'give `reference` alone, or `rrn` with `settlementDate`', ['reference'])
}

const partyFields = [
  ['wallets', 'wallet'],
  ['acquirers', 'acquirer'],
  ['merchants', 'merchant'],
  ['corridors', 'corridor'],
  ['directions', 'direction'],
] as const

const statusesOf = (wanted: readonly Outcome[]): string[] =>
  Object.entries(outcomes).flatMap(([status, outcome]) => (wanted.includes(outcome) ? [status] : []))

/** Refuses the first list that is too long. */
function flawOf(parties: PartyFilterInput, lists: Readonly<Record<string, Names>> = {}): Refusal | null {
  for (const [field, names] of Object.entries({ ...parties, ...lists })) {
    const flaw = checkLength(names, ['where', field])
    if (flaw) return flaw
  }
  return null
}

/** Refuses with BAD_VALUE a list of more than 200 names. */
export function checkLength(names: Names, path: readonly string[]): Refusal | null {
  const length = names?.length ?? 0
  return length > namesMax
    ? refuse('BAD_VALUE', `a list holds at most ${namesMax} names, not ${length}`, path)
    : null
}

const namesMax = 200
