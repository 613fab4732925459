// One key, one effect: what a use of a key is, and when two uses of one are in conflict. What was done by a key is kept in the
// payment that it was done to; for everything that is not a payment, `keyed.ts` keeps it.

import { hash } from 'node:crypto'
import { refuse, type ProblemCode, type Refusal } from '../../schema/values/problems.ts'
import type { ParticipantId, UsedKeyId } from '../../schema/values/id.ts'
import { canonicalJson } from '../platform/canonical-json.ts'

/** Names of mutations, and of the import: a key means something else in each. */
export type Operation =
  | 'submitPayment'
  | 'cancelPayment'
  | 'refundPayment'
  | 'chargePresentedCode'
  | 'importPayments'
  | 'presentCode'
  | 'closeSettlement'
  | 'createWebhook'
  | 'rotateWebhookSecret'
  | 'redeliverWebhook'
  | 'applyParticipant'
  | 'recordCertification'
  | 'changeParticipantStatus'
  | 'connectParticipant'
  | 'setCorridor'
  | 'setRates'

/** A use of an idempotency key. `id` is unique over all payments. */
export interface UsedKey {
  /** "participant/operation/key". */
  readonly id: UsedKeyId
  /** SHA-256 of the input. */
  readonly hash: string
  readonly at: Date
}

export interface IdempotencyConflict extends Refusal {
  readonly __typename: 'IdempotencyConflict'
  readonly firstUsedAt: Date
}

/** Keys are scoped to participant and operation: two wallets may use the same one, and so may two operations. */
export const useOfKey = (
  participant: ParticipantId,
  operation: Operation,
  idempotencyKey: string,
  input: object,
  at: Date,
): UsedKey => ({
  id: `${participant}/${operation}/${idempotencyKey}`,
  hash: hash('sha256', canonicalJson(input, { omitNull: true }), 'base64url'),
  at,
})

/** The refusal when `again` uses the key of `first` with another input; null when it is the same request once more. */
export function conflictOf(first: UsedKey, again: UsedKey): IdempotencyConflict | null {
  if (first.hash === again.hash) return null
  return {
    ...refuse('IDEMPOTENCY_CONFLICT', `the key was used with another input at ${first.at.toISOString()}`, [
      'input',
      'idempotencyKey',
    ]),
    __typename: 'IdempotencyConflict',
    firstUsedAt: first.at,
  }
}

/** True for refusals by a rule, which a key keeps. What was down or missing may be there the next time. */
export const isKept = ({ code }: Refusal): boolean => !outages.has(code)

const outages: ReadonlySet<ProblemCode> = new Set<ProblemCode>([
  'UNAVAILABLE',
  'RATE_UNAVAILABLE',
  'FORBIDDEN',
])
