// Codes that wallets present: asks the rules and the store in turn.

import { isRefusal, refuse, type Refusal } from '../../../schema/values/problems.ts'
import type { Participant } from '../../shared/registry.ts'
import { isCertified } from '../../shared/routing.ts'
import type { SubgraphDependencies } from '../../shared/subgraph.ts'
import { conflictOf, useOfKey, type UsedKey } from '../../shared/idempotency-key.ts'
import { readPresentation, type PresentCodeInput } from './read-input.ts'
import { isStoredRefusal, storedRefusal } from '../store/stored-refusal.ts'
import { newId } from '../payment/new-id.ts'
import { present, type PresentedCode } from '../payment/presented-code.ts'
import type { PaymentStore } from '../store/payment-store.ts'
import type { ParticipantId } from '../../../schema/values/id.ts'

export interface PresentedCodeService {
  /** A code for the wallet's customer to show; under a key that was used before, the code of then. */
  present(wallet: ParticipantId, input: PresentCodeInput): Promise<PresentedCode | Refusal>
}

export function createPresentedCodeService({
  store,
  registry,
  now,
}: Pick<SubgraphDependencies, 'registry' | 'now'> & { readonly store: PaymentStore }): PresentedCodeService {
  const refusalUnder = async (key: UsedKey): Promise<Refusal | null> => {
    const used = await store.byKey.load(key.id)
    return used && isStoredRefusal(used) ? (conflictOf(used.keys[0], key) ?? used.refusal) : null
  }
  return {
    async present(wallet, input) {
      const profile = registry.participants.get(wallet)
      if (!profile?.roles.includes('WALLET')) return refuse('FORBIDDEN', 'only a wallet does this')
      const presentation = readPresentation(input)
      if (isRefusal(presentation)) return presentation
      const at = now()
      const key = useOfKey(wallet, 'presentCode', presentation.idempotencyKey, input, at)
      const refused = await refusalUnder(key)
      if (refused) return refused
      const flaw = whyNot(profile, at)
      if (flaw) {
        await store.keep(storedRefusal(key, flaw))
        return flaw
      }
      const code = await store.addCode(present(newId(at), wallet, presentation, key))
      return conflictOf(code.key, key) ?? code
    },
  }
}

function whyNot({ id, status, capabilities }: Participant, now: Date): Refusal | null {
  if (status !== 'LIVE') return refuse('PARTICIPANT_NOT_LIVE', `${id} is ${status}, not LIVE`)
  if (isCertified({ capabilities }, 'CPM_PRESENT', now)) return null
  return refuse('NOT_CERTIFIED', `${id} is not certified for CPM_PRESENT`)
}
