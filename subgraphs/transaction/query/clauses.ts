// Clauses of MongoDB queries over payments and entries of the log.

import type { Visibility } from '../../shared/access.ts'
import { firstIdAt } from '../payment/new-id.ts'
import type { Clause } from '../store/payment-search.ts'

/** Matches the payments that `visibility` includes; `prefix` leads to the payment's fields. */
export function visibleClauses(visibility: Visibility, prefix: '' | 'payment.'): Clause[] {
  if (visibility.kind === 'all') return []
  const { wallet, acquirer, corridors } = visibility
  const either: Clause[] = [
    ...(wallet === null ? [] : [{ [`${prefix}wallet`]: wallet }]),
    ...(acquirer === null ? [] : [{ [`${prefix}acquirer`]: acquirer }]),
    ...(corridors.size === 0 ? [] : [{ [`${prefix}corridor`]: { $in: [...corridors] } }]),
  ]
  if (either.length === 0) return [nothing]
  return either.length === 1 ? either : [{ $or: either }]
}

/**
 * Matches documents whose `field` is one of `values`. A list that is empty or left out matches every
 * document.
 */
export const oneOf = (field: string, values: readonly string[] | null | undefined): Clause[] =>
  values?.length ? [{ [field]: { $in: [...values] } }] : []

/**
 * Matches documents created from `from` on and before `to`. Ids begin with the time of creation, so no other
 * index is read.
 */
export const createdBetween = (from: Date | null | undefined, to: Date | null | undefined): Clause[] => [
  ...(from ? [{ _id: { $gte: firstIdAt(from) } }] : []),
  ...(to ? [{ _id: { $lt: firstIdAt(to) } }] : []),
]

/** Matches no document. */
export const nothing: Clause = { _id: { $in: [] } }
