// Who may do and see what: the one place where scopes are checked and where a viewer's own payments are told from others'.

import type { Scope } from '../../schema/values/scopes.ts'
import { ProblemError, refuse, type Refusal } from '../../schema/values/problems.ts'
import type { Registry } from './registry.ts'
import type { RequestContext } from './viewer.ts'
import type { CorridorId, ParticipantId } from '../../schema/values/id.ts'

/** True for keys with the scope `operator`, which holds every other one. */
export const isOperator = ({ viewer }: RequestContext): boolean => viewer.scopes.has('operator')

const hasScope = ({ viewer }: RequestContext, scope: Scope): boolean =>
  viewer.scopes.has(scope) || viewer.scopes.has('operator')

/** Null when the caller's key has `scope`; otherwise the refusal to answer with. */
export function requireScope(context: RequestContext, scope: Scope): Refusal | null {
  if (hasScope(context, scope)) return null
  return refuse('FORBIDDEN', `this takes a key with the scope "${scope}"`)
}

/** The same for plain queries, which have no union to put a refusal in: throws it as a `ProblemError`. */
export function demandScope(context: RequestContext, scope: Scope): void {
  const refusal = requireScope(context, scope)
  if (refusal) throw new ProblemError(refusal)
}

/** Which payments a viewer sees: all of them, or those that match any of the three. */
export type Visibility =
  | { readonly kind: 'all' }
  | {
      readonly kind: 'own'
      /** The viewer as a wallet; null when it is none. */
      readonly wallet: ParticipantId | null
      /** The viewer as an acquirer; null when it is none. */
      readonly acquirer: ParticipantId | null
      /** Corridors of the viewer as a network; empty when it is none. */
      readonly corridors: ReadonlySet<string>
    }

/** A wallet sees its own payments, an acquirer those at its merchants, a network those of its corridors, the operator all. */
export const visibilityOf = (context: RequestContext, registry: Registry): Visibility =>
  isOperator(context) ? { kind: 'all' } : partyOf(context.viewer.participant, registry)

/** The payments that a participant has a part in, by each of its roles; none when nobody has this id. */
export function partyOf(participant: ParticipantId, registry: Registry): Visibility {
  const roles = registry.participants.get(participant)?.roles ?? []
  return {
    kind: 'own',
    wallet: roles.includes('WALLET') ? participant : null,
    acquirer: roles.includes('ACQUIRER') ? participant : null,
    corridors: roles.includes('NETWORK') ? corridorsOfNetwork(participant, registry) : nothing,
  }
}

/** True when a payment between these parties is one that `visibility` takes in. */
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

const nothing: ReadonlySet<string> = new Set()

/**
 * A network's corridors: those with an end in its own country, or in a country whose institutions connect through it.
 * Kept per state of the participants, which are replaced as a whole when something changes.
 */
export function corridorsOfNetwork(network: string, registry: Registry): ReadonlySet<string> {
  const { participants, corridors } = registry
  let known = byReference.get(participants)
  if (known?.corridors !== corridors) byReference.set(participants, (known = { corridors, of: new Map() }))
  let ids = known.of.get(network)
  if (!ids) {
    const countries = new Set(
      [...participants.values()]
        .filter((participant) => participant.id === network || participant.network === network)
        .map((participant) => participant.country),
    )
    ids = new Set(
      [...corridors.values()]
        .filter(
          ({ walletCountry, merchantCountry }) =>
            countries.has(walletCountry) || countries.has(merchantCountry),
        )
        .map((corridor) => corridor.id),
    )
    known.of.set(network, ids)
  }
  return ids
}

const byReference = new WeakMap<
  Registry['participants'],
  { readonly corridors: Registry['corridors']; readonly of: Map<string, ReadonlySet<string>> }
>()
