// Which wallets can pay at which merchants: the rule of routing, applied once for all merchants of the same
// terms.

import type { ParticipantId } from '../../schema/values/id.ts'
import type { Participant, Registry } from '../shared/registry.ts'
import { canPay } from '../shared/routing.ts'
import { termsKey, type Terms } from './count-cube.ts'
import { memoizeWhile } from './memoize-while.ts'

export interface Acceptance {
  /** Ids of the wallets whose customers can pay at merchants of these terms now, in order. */
  walletsFor(terms: Terms): readonly ParticipantId[]
  /** True when customers of `wallet` can pay at merchants of these terms now. */
  accepts(wallet: Participant, terms: Terms): boolean
}

export function createAcceptance(registry: Registry, now: () => Date): Acceptance {
  const accepts = (wallet: Participant, terms: Terms): boolean =>
    canPay({
      wallet,
      acquirer: registry.participants.get(terms.acquirer),
      merchant: terms,
      registry,
      now: now(),
    })
  const memoized = memoizeWhile<readonly ParticipantId[]>(
    () => [registry.participants, registry.corridors],
    now,
    1_000,
  )
  return {
    accepts,
    walletsFor: (terms) =>
      memoized(termsKey(terms), () =>
        [...registry.participants.values()]
          .filter((participant) => participant.roles.includes('WALLET') && accepts(participant, terms))
          .map(({ id }) => id)
          .toSorted(),
      ),
  }
}
