// Idempotency keys: what a use of a key is, and when two uses conflict. The result of a key is stored in the
// payment that it changed; `idempotent-writer.ts` stores the results of everything that is not a payment.

import { hash } from 'node:crypto'
import type { ParticipantId, UsedKeyId } from '../../schema/values/id.ts'
import { refuse, type ProblemCode, type Refusal } from '../../schema/values/problems.ts'
import { canonicalJson } from '../platform/canonical-json.ts'

/** Names of mutations, and of the import. The same key is a different one in each. */
export type Operation =
  | 'submitPayment'
  | 'cancelPayment'
  | 'refundPayment'
  | 'chargePresentedCode'
  | 'importPayments'
  | 'presentCode'
  | 'closeSettlement'
  | 'createWebhook'
  | 'updateWebhook'
  | 'deleteWebhook'
  | 'rotateWebhookSecret'
  | 'createKey'
  | 'rotateKey'
  | 'redeliverWebhook'
  | 'applyParticipant'
  | 'recordCertification'
  | 'changeParticipantStatus'
  | 'connectParticipant'
  | 'setCorridor'
  | 'setProject'
  | 'setQrProduct'
  | 'setMerchantStatus'
  | 'setRates'
  | 'eraseCustomer'
  | 'joinSubgraph'
  | 'leaveSubgraph'
  | 'acknowledgeAlert'

/** A use of an idempotency key. `id` is unique over all payments. */
export interface UsedKey {
  /** "participant/operation/key". */
  readonly id: UsedKeyId
  /** SHA-256 of the command: the input as it was read. */
  readonly hash: string
  readonly at: Date
}

export interface IdempotencyConflict extends Refusal {
  readonly __typename: 'IdempotencyConflict'
  readonly firstUsedAt: Date
}

/**
 * A key is scoped to its participant and operation: two wallets may use the same text, and so may two
 * operations. `command` is the input after it was read, so that two spellings of one input are the same.
 */
export const useOfKey = (
  participant: ParticipantId,
  operation: Operation,
  idempotencyKey: string,
  command: object,
  at: Date,
): UsedKey => ({
  id: `${participant}/${operation}/${idempotencyKey}` as UsedKeyId,
  hash: hash('sha256', canonicalJson(command, { omitNull: true }), 'base64url'),
  at,
})

/**
 * Returns a refusal when `again` has another input than the first use of the key; null when the request is
 * the same.
 */
export function conflictOf(first: UsedKey, again: UsedKey): IdempotencyConflict | null {
  if (first.hash === again.hash) return null
  return {
    ...refuse(
      'IDEMPOTENCY_CONFLICT',
      `the key was used with another input at ${first.at.toISOString()}: use a new key`,
      ['input', 'idempotencyKey'],
    ),
    __typename: 'IdempotencyConflict',
    firstUsedAt: first.at,
  }
}

/**
 * True for a refusal that is stored as the key's result. False for an outage, which may be over at the next
 * call.
 */
export const isKept = ({ code }: Refusal): boolean => !outages.has(code)

const outages: ReadonlySet<ProblemCode> = new Set<ProblemCode>([
  'UNAVAILABLE',
  'RATE_UNAVAILABLE',
  'SUBGRAPH_UNREACHABLE',
  'FORBIDDEN',
])
