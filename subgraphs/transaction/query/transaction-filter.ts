// Reads the filters of a client into queries over payments and entries, limited to what the viewer may see.

import type { Direction } from '../../../schema/values/direction.ts'
import type { ParticipantId } from '../../../schema/values/id.ts'
import { isRefusal, refuse, type Refusal } from '../../../schema/values/problems.ts'
import type { LogEntry } from '../../log/entry.ts'
import { sees, type Visibility } from '../../shared/access.ts'
import { readNames } from '../../shared/read-names.ts'
import type { EventFilter } from '../live/event-filter.ts'
import { outcomes, stepKinds, type Outcome } from '../payment/lifecycle.ts'
import type { Clause } from '../store/payment-store.ts'
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
  readonly kinds?: Names
  readonly statuses?: Names
  readonly outcomes?: readonly Outcome[] | null
  readonly createdFrom?: Date | null
  readonly createdTo?: Date | null
}

export interface TransactionEventFilterInput extends PartyFilterInput {
  readonly kinds?: Names
  readonly to?: Names
}

/**
 * The payments that match `where`. Refuses with BAD_VALUE an unknown name or a long list, with BAD_RANGE an
 * empty range.
 */
export function transactionQuery(
  where: TransactionFilterInput | null | undefined,
  visibility: Visibility,
): readonly Clause[] | Refusal {
  const { kinds, statuses, outcomes: wanted, createdFrom, createdTo, ...parties } = where ?? {}
  const flaw = flawOf(parties, [kinds, transactionKinds, 'kinds'], [statuses, outcomes, 'statuses'])
  if (flaw) return flaw
  if (createdFrom && createdTo && createdFrom >= createdTo) {
    return refuse('BAD_RANGE', '`createdFrom` must be before `createdTo`', ['where', 'createdTo'])
  }
  return [
    ...visibleClauses(visibility, ''),
    ...partyFields.flatMap(([list, field]) => oneOf(field, parties[list])),
    ...oneOf('status', statuses),
    ...oneOf('status', wanted?.length ? statusesOf(wanted) : null),
    ...createdBetween(createdFrom, createdTo),
    // The list holds payments only; their refunds are read with them.
    ...(kinds?.length && !kinds.includes('PAYMENT') ? [nothing] : []),
  ]
}

/**
 * The events that match `where`, as a predicate and as a query. Refuses with BAD_VALUE an unknown name or a
 * long list.
 */
export function eventFilter(
  where: TransactionEventFilterInput | null | undefined,
  visibility: Visibility,
): EventFilter | Refusal {
  const { kinds, to, ...parties } = where ?? {}
  const flaw = flawOf(parties, [kinds, stepKinds, 'kinds'], [to, outcomes, 'to'])
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

const transactionKinds = { PAYMENT: true, REFUND: true }

function flawOf(
  parties: PartyFilterInput,
  ...named: readonly (readonly [Names, Readonly<Record<string, unknown>>, string])[]
): Refusal | null {
  for (const [names, known, field] of named) {
    const read = readNames(names, known, ['where', field])
    if (isRefusal(read)) return read
  }
  for (const [field, names] of Object.entries(parties)) {
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
