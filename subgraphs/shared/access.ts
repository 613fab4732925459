// Access: the one place that checks scopes and decides which payments a viewer may read.

import type { CorridorId, ParticipantId } from '../../schema/values/id.ts'
import { ProblemError, refuse, type Refusal } from '../../schema/values/problems.ts'
import type { Scope } from '../../schema/values/scopes.ts'
import type { Corridor, Registry } from './registry.ts'
import type { RequestContext } from './viewer.ts'

/** True for keys with the scope `operator`, which includes every other scope. */
export const isOperator = ({ viewer }: RequestContext): boolean => viewer.scopes.has('operator')

const hasScope = ({ viewer }: RequestContext, scope: Scope): boolean =>
  viewer.scopes.has(scope) || viewer.scopes.has('operator')

/** Returns null when the caller's key has `scope`, otherwise a refusal with FORBIDDEN. */
export function requireScope(context: RequestContext, scope: Scope): Refusal | null {
  if (hasScope(context, scope)) return null
  return refuse('FORBIDDEN', `this takes a key with the scope "${scope}"`)
}

/**
 * Throws the refusal as a `ProblemError`, for plain queries: their result has no union with a refusal in it.
 */
export function demandScope(context: RequestContext, scope: Scope): void {
  const refusal = requireScope(context, scope)
  if (refusal) throw new ProblemError(refusal)
}

/** The payments that a viewer may read: all of them, or those that match any of the three fields. */
export type Visibility =
  | { readonly kind: 'all' }
  | {
      readonly kind: 'own'
      /** The viewer's id when it is a wallet, else null. */
      readonly wallet: ParticipantId | null
      /** The viewer's id when it is an acquirer, else null. */
      readonly acquirer: ParticipantId | null
      /** The corridors of the viewer when it is a network, else none. */
      readonly corridors: ReadonlySet<CorridorId>
    }

/**
 * A wallet reads its own payments, an acquirer those at its merchants, a network those of its corridors, the
 * operator all.
 */
export const visibilityOf = (context: RequestContext, registry: Registry): Visibility =>
  isOperator(context) ? { kind: 'all' } : partyOf(context.viewer.participant, registry)

/** The payments of a participant, by each of its roles; none when there is no participant with this id. */
export function partyOf(participant: ParticipantId, registry: Registry): Visibility {
  const roles = registry.participants.get(participant)?.roles ?? []
  return {
    kind: 'own',
    wallet: roles.includes('WALLET') ? participant : null,
    acquirer: roles.includes('ACQUIRER') ? participant : null,
    corridors: roles.includes('NETWORK') ? corridorsOfNetwork(participant, registry) : none,
  }
}

/** True when `visibility` includes a payment between these parties. */
export function sees(
  visibility: Visibility,
  payment: {
    readonly wallet: ParticipantId
    readonly acquirer: ParticipantId
    readonly corridor: CorridorId
  },
): boolean {
  return (
    visibility.kind === 'all' ||
    payment.wallet === visibility.wallet ||
    payment.acquirer === visibility.acquirer ||
    visibility.corridors.has(payment.corridor)
  )
}

const none: ReadonlySet<CorridorId> = new Set()

/**
 * Returns a network's corridors: those with an end in its own country, or in a country whose institutions
 * connect through it. The result is cached until the registry changes, because the registry then replaces its
 * maps as a whole.
 */
export function corridorsOfNetwork(network: ParticipantId, registry: Registry): ReadonlySet<CorridorId> {
  const { participants, corridors } = registry
  let cache = cacheByParticipants.get(participants)
  if (cache?.corridors !== corridors) {
    cacheByParticipants.set(participants, (cache = { corridors, byNetwork: new Map() }))
  }
  let ids = cache.byNetwork.get(network)
  if (!ids) cache.byNetwork.set(network, (ids = findCorridors(network, registry)))
  return ids
}

function findCorridors(
  network: ParticipantId,
  { participants, corridors }: Registry,
): ReadonlySet<CorridorId> {
  const countries = new Set(
    [...participants.values()]
      .filter((participant) => participant.id === network || participant.network === network)
      .map(({ country }) => country),
  )
  const isIncluded = ({ walletCountry, merchantCountry }: Corridor): boolean =>
    countries.has(walletCountry) || countries.has(merchantCountry)
  return new Set([...corridors.values()].filter(isIncluded).map(({ id }) => id))
}

const cacheByParticipants = new WeakMap<
  Registry['participants'],
  {
    readonly corridors: Registry['corridors']
    readonly byNetwork: Map<ParticipantId, ReadonlySet<CorridorId>>
  }
>()
