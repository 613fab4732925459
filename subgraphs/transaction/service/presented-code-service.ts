// Creates the codes that wallets present.

import type { ParticipantId } from '../../../schema/values/id.ts'
import { isRefusal, refuse, type Refusal } from '../../../schema/values/problems.ts'
import { conflictOf, useOfKey, type UsedKey } from '../../shared/idempotency-key.ts'
import type { Participant } from '../../shared/registry.ts'
import { isCertified } from '../../shared/routing.ts'
import type { SubgraphDependencies } from '../../shared/subgraph.ts'
import { newId } from '../payment/new-id.ts'
import { present, type PresentedCode } from '../payment/presented-code.ts'
import type { PaymentStore } from '../store/payment-store.ts'
import { isStoredRefusal, storedRefusal } from '../store/stored-refusal.ts'
import { readPresentation, type PresentCodeInput } from './read-input.ts'

export interface PresentedCodeService {
  /**
   * Creates a code for a customer of the wallet; returns the first code again when the key was used before.
   */
  present(wallet: ParticipantId, input: PresentCodeInput): Promise<PresentedCode | Refusal>
}

export interface PresentedCodeServiceDependencies extends Pick<SubgraphDependencies, 'registry' | 'now'> {
  readonly store: Pick<PaymentStore, 'byKey' | 'keep' | 'addCode'>
}

export const createPresentedCodeService = (
  dependencies: PresentedCodeServiceDependencies,
): PresentedCodeService => ({
  present: (wallet, input) => presentCode(dependencies, wallet, input),
})

async function presentCode(
  { store, registry, now }: PresentedCodeServiceDependencies,
  wallet: ParticipantId,
  input: PresentCodeInput,
): Promise<PresentedCode | Refusal> {
  const profile = registry.participants.get(wallet)
  if (!profile?.roles.includes('WALLET')) return refuse('FORBIDDEN', 'this operation takes the role WALLET')
  const presentation = readPresentation(input)
  if (isRefusal(presentation)) return presentation
  const at = now()
  const key = useOfKey(wallet, 'presentCode', presentation.idempotencyKey, presentation, at)
  const kept = await keptRefusal(store, key)
  if (kept) return kept
  const flaw = checkWallet(profile, at)
  if (flaw) {
    await store.keep(storedRefusal(key, flaw))
    return flaw
  }
  const code = await store.addCode(present(newId(at), wallet, presentation, key))
  return code ? (conflictOf(code.key, key) ?? code) : refuse('UNAVAILABLE')
}

/** The refusal that `key` received before, or a conflict with its input; null when there is none. */
async function keptRefusal(store: Pick<PaymentStore, 'byKey'>, key: UsedKey): Promise<Refusal | null> {
  const used = await store.byKey.load(key.id)
  return used && isStoredRefusal(used) ? (conflictOf(used.keys[0], key) ?? used.refusal) : null
}

/** Returns null when the wallet may present codes now. */
function checkWallet({ id, status, capabilities }: Participant, now: Date): Refusal | null {
  if (status !== 'LIVE') return refuse('PARTICIPANT_NOT_LIVE', `${id} is ${status}, not LIVE`)
  if (isCertified({ capabilities }, 'CPM_PRESENT', now)) return null
  return refuse('NOT_CERTIFIED', `${id} is not certified for CPM_PRESENT`)
}
