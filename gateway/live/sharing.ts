// Which subscriptions may share one upstream, and what somebody gets who joins one that runs already.

import { Kind, parse, type ValueNode } from 'graphql'
import type { Variables } from '../supergraph/index.ts'

/**
 * - `OWN`: nobody else can use its events, because they depend on where this subscriber stands.
 * - `FROM_NOW`: events from now on; who joins later has missed nothing that it asked for.
 * - `REPLAY_LAST`: begins with where things stand; who joins gets the last event first, which says just that.
 * - `LATEST`: the same, and a newer event makes an older one worthless, so a slow reader skips.
 */
export type Sharing = 'OWN' | 'FROM_NOW' | 'REPLAY_LAST' | 'LATEST'

/** By field of Subscription. One that is not listed is OWN, which is always right and merely slower. */
const fields: Readonly<Record<string, Sharing>> = {
  transactionEvents: 'FROM_NOW',
  transactionUpdated: 'REPLAY_LAST',
  activityUpdated: 'LATEST',
}

/** Arguments that say where a subscriber stands: with one of them, the events are its own. */
const resuming = new Set(['after', 'afterSequence'])

/** Decides by coerced variables, for one document. */
export type SharingRule = (variables: Variables) => Sharing

/** The rule for the subscription `operationName` of `document`, which must be valid. */
export function sharingOf(document: string, operationName: string | undefined): SharingRule {
  const definition = parse(document, { noLocation: true })
    .definitions.filter((node) => node.kind === Kind.OPERATION_DEFINITION)
    .find(({ name }) => operationName === undefined || name?.value === operationName)
  const root = definition?.selectionSet.selections[0]
  if (root?.kind !== Kind.FIELD) return () => 'OWN'
  const standing = fields[root.name.value] ?? 'OWN'
  const places = (root.arguments ?? []).filter(({ name }) => resuming.has(name.value))
  return (variables) => (places.every(({ value }) => isNull(value, variables)) ? standing : 'OWN')
}

const isNull = (value: ValueNode, variables: Variables): boolean =>
  value.kind === Kind.NULL || (value.kind === Kind.VARIABLE && (variables[value.name.value] ?? null) === null)
