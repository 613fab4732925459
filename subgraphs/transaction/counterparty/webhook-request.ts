// Sends a request to a counterparty whose connection is WEBHOOK, as a signed POST, and reads the reply.
// Reads no store and changes no payment.
//
//   { "type": "payment.authorize", "timestamp": "2026-03-01T04:00:00.120Z",
//     "data": { "respondBy": "…", "payment": {…},
//               "customer": "…" | null, "token": { "reference", "lastFour" } | null } }
//
// 200 with { "decision": "APPROVE" | "DECLINE", "reason"?, "reference"? } is the answer; after 202 or 204
// the answer follows by respondAuthorization. payment.inquire also accepts "NEVER_SEEN"; payment.reverse
// and payment.cancel accept "ACKNOWLEDGE".

import { holdsCardNumber } from '../../../schema/values/card-number.ts'
import { parseReason } from '../../../schema/values/reasons.ts'
import { validSecrets, type SigningSecret } from '../../shared/signing-secret.ts'
import type { CounterpartyAnswer, CounterpartyDecision } from '../payment/commands.ts'
import type { RequestKind } from '../payment/counterparty-request.ts'
import type { Payment } from '../payment/payment.ts'
import { paymentJson } from '../webhooks/body.ts'
import type { HttpSender, Message, SendOutcome } from '../webhooks/http-sender.ts'

/** A request, and the payment that it is about. */
export interface PostedRequest {
  readonly kind: RequestKind
  readonly payment: Payment
}

export type CounterpartyReply =
  | ({ readonly kind: 'ANSWER' } & CounterpartyAnswer)
  /** The counterparty has the request, and answers later. */
  | { readonly kind: 'ACCEPTED' }
  /** No attempt has arrived. */
  | { readonly kind: 'UNDELIVERED'; readonly error: string }
  /** The request may have arrived, and the counterparty may have acted on it. */
  | { readonly kind: 'UNKNOWN'; readonly error: string }

/** The URL that receives a participant's requests, and the secrets that sign them. */
export interface CounterpartyEndpoint {
  readonly url: string
  readonly secrets: readonly SigningSecret[]
}

/**
 * Waits before attempt number `next` (2, 3 …), and returns whether to make it. False once `signal` is
 * aborted.
 */
export type RetryRule = (next: number, payment: Payment, signal?: AbortSignal) => Promise<boolean>

export interface WebhookRequestOptions {
  readonly httpSender: Pick<HttpSender, 'send'>
  readonly now: () => Date
  readonly retry: RetryRule
}

export type SendRequest = (
  request: PostedRequest,
  endpoint: CounterpartyEndpoint,
  signal?: AbortSignal,
) => Promise<CounterpartyReply>

/**
 * Creates a function that sends one request; it does not throw for a failure of the counterparty.
 *
 * AUTHORIZE is repeated by `retry` until the payment's `respondBy`, while no attempt has arrived or the
 * status was 429 or 5xx. Every attempt has the same webhook-id and body, so the receiver can detect a
 * repetition. All other requests are sent once: the timeout worker repeats them. Once an attempt may have
 * arrived, the reply is never UNDELIVERED.
 */
export function createWebhookRequestSender(options: WebhookRequestOptions): SendRequest {
  const { httpSender, now, retry } = options

  const attemptOnce = (request: PostedRequest, endpoint: CounterpartyEndpoint, signal?: AbortSignal) => {
    const at = now()
    const secrets = validSecrets(endpoint.secrets, at)
    if (secrets.length === 0) return noSecret
    const leftMs = request.payment.respondBy.getTime() - at.getTime()
    if (request.kind === 'AUTHORIZE' && leftMs <= 0) return tooLate
    const timeoutMs = request.kind === 'AUTHORIZE' ? Math.min(usualMs, leftMs) : usualMs
    const message: Message = {
      id: messageId(request),
      url: endpoint.url,
      body: requestBody(request),
      secrets,
      at,
    }
    return httpSender.send(message, { timeoutMs, ...(signal && { signal }) })
  }

  return async (request, endpoint, signal) => {
    let hasArrived = false
    for (let attempt = 1; ; attempt++) {
      const outcome = await attemptOnce(request, endpoint, signal)
      hasArrived ||= outcome.kind === 'ANSWERED' || outcome.mayHaveArrived
      const reply = replyOf(request.kind, outcome)
      const canRetry =
        request.kind === 'AUTHORIZE' &&
        (outcome.kind === 'FAILED' ? !outcome.mayHaveArrived : isBusy(outcome.status))
      if (!canRetry || !(await retry(attempt + 1, request.payment, signal))) {
        return reply.kind === 'UNDELIVERED' && hasArrived ? { ...reply, kind: 'UNKNOWN' } : reply
      }
    }
  }
}

/**
 * Waits 250 ms, 1 s, and then 3 s between attempts, as long as the next one is still before the payment's
 * `respondBy`. All waits together are at most the time that the payment had when it was written, so the
 * deadline of a hub whose clock was ahead is bounded too.
 */
export const retryUntilRespondBy =
  (now: () => Date, pause: (ms: number, signal?: AbortSignal) => Promise<void>): RetryRule =>
  async (next, { createdAt, respondBy }, signal) => {
    const waitMs = waitBeforeMs(next)
    if (signal?.aborted || now().getTime() + waitMs >= respondBy.getTime()) return false
    let waitedMs = 0
    for (let attempt = 2; attempt <= next; attempt++) waitedMs += waitBeforeMs(attempt)
    if (waitedMs >= respondBy.getTime() - createdAt.getTime()) return false
    await pause(waitMs, signal)
    return !signal?.aborted
  }

const waitBeforeMs = (attempt: number): number =>
  retryAfterMs[Math.min(attempt - 2, retryAfterMs.length - 1)]!

/** The webhook-id: equal for every attempt of a request. Each inquiry is a request of its own. */
function messageId({ kind, payment }: PostedRequest): string {
  const name = `${payment._id}_${kind.toLowerCase()}`
  return kind === 'INQUIRE' ? `${name}_${payment.sequence}` : name
}

export function requestBody({ kind, payment }: PostedRequest): string {
  const { customer, token } = payment
  return JSON.stringify({
    type: `payment.${kind.toLowerCase()}`,
    timestamp: payment.createdAt.toISOString(),
    data: {
      respondBy: payment.respondBy.toISOString(),
      payment: paymentJson(payment),
      // Only the payer's own wallet reads the payer: it is the counterparty when the merchant scanned.
      ...(payment.counterparty === payment.wallet && { customer, token }),
    },
  })
}

/**
 * Reads the reply in an outcome. Anything but a clear answer is UNKNOWN, so that no failure passes for a
 * decline.
 */
export function replyOf(kind: RequestKind, outcome: SendOutcome): CounterpartyReply {
  if (outcome.kind === 'FAILED') {
    return { kind: outcome.mayHaveArrived ? 'UNKNOWN' : 'UNDELIVERED', error: outcome.error }
  }
  const { status, body } = outcome
  if (status === 202 || status === 204) return { kind: 'ACCEPTED' }
  if (status !== 200)
    return { kind: 'UNKNOWN', error: `the counterparty answered with HTTP status ${status}` }
  return (
    answerIn(body, kind) ?? {
      kind: 'UNKNOWN',
      error: 'the counterparty answered 200 with a body that is not an answer',
    }
  )
}

const decisions: Readonly<Record<RequestKind, readonly CounterpartyDecision[]>> = {
  AUTHORIZE: ['APPROVE', 'DECLINE'],
  INQUIRE: ['APPROVE', 'DECLINE', 'NEVER_SEEN'],
  REVERSE: ['ACKNOWLEDGE'],
  CANCEL: ['ACKNOWLEDGE'],
}

function answerIn(body: string, kind: RequestKind): CounterpartyReply | null {
  const { decision, reason = null, reference: given = null } = membersOf(body)
  const decided = decisions[kind].find((allowed) => allowed === decision)
  if (!decided || !isText(reason) || !isText(given)) return null
  // The decision stands, but no text that a participant sends may hold a card number.
  const reference = given !== null && holdsCardNumber(given) ? null : given
  if (decided !== 'DECLINE') {
    return reason === null ? { kind: 'ANSWER', decision: decided, reason: null, reference } : null
  }
  // The decision is clear even with a reason that is not in the table.
  return { kind: 'ANSWER', decision: decided, reason: parseReason(reason ?? '') ?? 'UNSPECIFIED', reference }
}

function membersOf(body: string): Readonly<Record<string, unknown>> {
  try {
    const content: unknown = JSON.parse(body)
    return typeof content === 'object' && content !== null ? (content as Record<string, unknown>) : {}
  } catch {
    return {}
  }
}

/** True for null, and for 1–64 characters without a control character. */
const isText = (value: unknown): value is string | null =>
  value === null ||
  (typeof value === 'string' && value.length >= 1 && value.length <= 64 && !/\p{Cc}/u.test(value))

const isBusy = (status: number): boolean => status === 429 || status >= 500

const retryAfterMs: readonly number[] = [250, 1_000, 3_000]
const usualMs = 10_000

const neverSent = (error: string): SendOutcome => ({
  kind: 'FAILED',
  error,
  mayHaveArrived: false,
  latencyMs: 0,
})
const noSecret = neverSent('the participant has no valid signing secret')
const tooLate = neverSent('the deadline of the payment has passed')
