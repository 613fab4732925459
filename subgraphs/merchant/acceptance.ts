// Which wallets can pay where: routing's own rule, asked once for all merchants of the same terms.

import type { Participant, Reference } from '../shared/registry.ts'
import { canPay } from '../shared/routing.ts'
import { termsKey, type Terms } from './count-cube.ts'
import { keptWhile } from './memoize-while.ts'

export interface Acceptance {
  /** Ids of the wallets whose customers can pay at merchants of these terms now, in order. */
  walletsFor(terms: Terms): readonly string[]
  /** True when this wallet's customers can. */
  accepts(wallet: Participant, terms: Terms): boolean
}

export function acceptanceOf(reference: Reference, now: () => Date): Acceptance {
  const accepts = (wallet: Participant, terms: Terms): boolean =>
    canPay({
      wallet,
      acquirer: reference.participants.get(terms.acquirer),
      merchant: terms,
      reference,
      now: now(),
    })
  const kept = keptWhile<readonly string[]>(() => [reference.participants, reference.corridors], now, 1_000)
  return {
    accepts,
    walletsFor: (terms) =>
      kept(termsKey(terms), () =>
        [...reference.participants.values()]
          .filter((participant) => participant.roles.includes('WALLET') && accepts(participant, terms))
          .map(({ id }) => id)
          .toSorted(),
      ),
  }
}
