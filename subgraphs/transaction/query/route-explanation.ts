// Explains which corridor a payment would take, by the rule that quotes and payments follow.

import type { EntryMode } from '../../../schema/values/entry-mode.ts'
import type { MerchantId, ParticipantId } from '../../../schema/values/id.ts'
import { orThrow, refuse } from '../../../schema/values/problems.ts'
import type { MerchantDirectory } from '../../shared/merchant-directory.ts'
import type { Registry } from '../../shared/registry.ts'
import { considerRoute } from '../../shared/routing.ts'

export interface RouteResolverDependencies {
  readonly registry: Registry
  readonly directory: MerchantDirectory
  readonly now: () => Date
}

interface RouteArguments {
  readonly wallet: ParticipantId
  readonly merchant: MerchantId
  readonly entryMode: EntryMode
}

export const routeResolvers = (dependencies: RouteResolverDependencies) => ({
  Query: {
    explainRoute: (_: unknown, args: RouteArguments) => explainRoute(dependencies, args),
  },
})

/** Throws MERCHANT_UNKNOWN or PARTICIPANT_UNKNOWN. */
async function explainRoute(
  { registry, directory, now }: RouteResolverDependencies,
  { wallet: walletId, merchant: merchantId, entryMode }: RouteArguments,
) {
  const merchant = orThrow(
    (await directory.merchant(merchantId)) ?? refuse('MERCHANT_UNKNOWN', undefined, ['merchant']),
  )
  const wallet = orThrow(
    registry.participants.get(walletId) ?? refuse('PARTICIPANT_UNKNOWN', undefined, ['wallet']),
  )
  const acquirer = registry.participants.get(merchant.acquirer)
  const decision = considerRoute({ wallet, acquirer, merchant, entryMode, registry, now: now() })
  return {
    accepted: decision.accepted,
    corridor: decision.corridor && { id: decision.corridor.id },
    hops: decision.hops.map(({ participant, role }) => ({ participant: { id: participant }, role })),
    considered: decision.considered.map(({ corridor, accepted, refusal }) => ({
      corridor: { id: corridor },
      accepted,
      reason: refusal,
    })),
  }
}
