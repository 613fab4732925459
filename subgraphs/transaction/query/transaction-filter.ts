// Which transactions and which events somebody asks for and may see: as a predicate in memory, and as a query in MongoDB.
import { isRefusal, refuse, type Refusal } from '../../../schema/values/problems.ts'
import { sees, type Visibility } from '../../shared/access.ts'
import { readNames } from '../../shared/read-names.ts'
import type { Direction } from '../../../schema/values/direction.ts'
import type { LogEntry } from '../../log/entry.ts'
import type { EventFilter } from '../live/event-filter.ts'
import { outcomes, transitions } from '../payment/lifecycle.ts'
import type { ParticipantId } from '../../../schema/values/id.ts'

type Names = readonly string[] | null | undefined

/** What payments and events have in common. */
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
  readonly createdFrom?: Date | null
  readonly createdTo?: Date | null
}

export interface TransactionEventFilterInput extends PartyFilterInput {
  readonly kinds?: Names
  readonly to?: Names
}

type Clause = Readonly<Record<string, unknown>>

/** Refuses names that there are none of, lists that are too long, and a range that is empty. */
export function transactionQuery(
  where: TransactionFilterInput | null | undefined,
  visibility: Visibility,
): readonly Clause[] | Refusal {
  const { kinds, statuses, createdFrom, createdTo, ...parties } = where ?? {}
  const flaw = flawOf(parties, [kinds, transactionKinds, 'kinds'], [statuses, outcomes, 'statuses'])
  if (flaw) return flaw
  if (createdFrom && createdTo && createdFrom >= createdTo) {
    return refuse('BAD_RANGE', '`createdFrom` must be before `createdTo`', ['where', 'createdTo'])
  }
  return [
    ...visibleClauses(visibility, ''),
    ...partyFields.flatMap(([list, field]) => oneOf(field, parties[list])),
    ...oneOf('status', statuses),
    // Ids begin with their time of creation, so they are all the index that this takes.
    ...(createdFrom ? [{ _id: { $gte: firstIdAt(createdFrom) } }] : []),
    ...(createdTo ? [{ _id: { $lt: firstIdAt(createdTo) } }] : []),
    ...(kinds?.length && !kinds.includes('PAYMENT') ? [{ _id: { $in: [] } }] : []),
  ]
}

/** Refuses names that there are none of, and lists that are too long. */
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
  const test = (names: Names, valueOf: (entry: LogEntry) => string) => {
    if (!names?.length) return
    const allowed = new Set(names)
    tests.push((entry) => allowed.has(valueOf(entry)))
  }
  test(kinds, ({ kind }) => kind)
  test(to, (entry) => entry.to)
  for (const [list, field] of partyFields) test(parties[list], ({ payment }) => payment[field])
  return {
    matches: (entry) => sees(visibility, entry.payment) && tests.every((passes) => passes(entry)),
    query: clauses.length > 0 ? { $and: [...clauses] } : {},
  }
}

/** A number by which a party knows a payment. */
export interface TransactionReferenceInput {
  readonly reference?: string | null
  readonly rrn?: string | null
  readonly settlementDate?: string | null
}

/** Refuses anything but `reference` alone, or `rrn` with `settlementDate`. `wallets` are those that the number may be of. */
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

/** The payments that `visibility` takes in. */
export function visibleClauses(visibility: Visibility, prefix: string): Clause[] {
  if (visibility.kind === 'all') return []
  const { wallet, acquirer, corridors } = visibility
  const either: Clause[] = [
    ...(wallet === null ? [] : [{ [`${prefix}wallet`]: wallet }]),
    ...(acquirer === null ? [] : [{ [`${prefix}acquirer`]: acquirer }]),
    ...(corridors.size === 0 ? [] : [{ [`${prefix}corridor`]: { $in: [...corridors] } }]),
  ]
  if (either.length === 0) return [{ _id: { $in: [] } }]
  return either.length === 1 ? either : [{ $or: either }]
}

const partyFields = [
  ['wallets', 'wallet'],
  ['acquirers', 'acquirer'],
  ['merchants', 'merchant'],
  ['corridors', 'corridor'],
  ['directions', 'direction'],
] as const

const transactionKinds = { PAYMENT: true, REFUND: true }
export const stepKinds: Readonly<Record<string, true>> = Object.fromEntries(
  [...transitions.map(({ on }) => on), 'LATE_MESSAGE'].map((kind) => [kind, true]),
)

/** An empty list asks for nothing in particular. */
const oneOf = (field: string, names: Names): Clause[] =>
  names?.length ? [{ [field]: { $in: [...names] } }] : []

function flawOf(
  parties: PartyFilterInput,
  ...named: readonly (readonly [Names, Readonly<Record<string, unknown>>, string])[]
): Refusal | null {
  for (const [names, known, field] of named) {
    const read = readNames(names, known, ['where', field])
    if (isRefusal(read)) return read
  }
  const tooLong = Object.entries(parties).find(([, list]) => (list?.length ?? 0) > namesMax)
  return tooLong ? refuse('BAD_VALUE', `at most ${namesMax} of them`, ['where', tooLong[0]]) : null
}

const namesMax = 200

/** The least UUID version 7 of an instant: its milliseconds in the first twelve hexadecimal digits. */
export function firstIdAt(at: Date): string {
  const hex = Math.max(0, at.getTime()).toString(16).padStart(12, '0')
  return `${hex.slice(0, 8)}-${hex.slice(8)}`
}
