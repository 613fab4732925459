// Asks a counterparty whose connection is WEBHOOK: a signed POST, answered in the body or later by respondAuthorization. Knows no
// store: it says what came of the asking, and what that does to the payment is for others.
//
//   { "type": "payment.authorize", "timestamp": "2026-03-01T04:00:00.120Z",
//     "data": { "respondBy": "…", "payment": {…}, "customer": "…" | null, "token": { "reference", "lastFour" } | null } }
//
import type { RequestKind } from '../payment/counterparty-request.ts'

// 200 with { "decision": "APPROVE" | "DECLINE", "reason"?, "reference"? } answers at once; 202 and 204 say that the answer follows.
// To payment.inquire there is also "NEVER_SEEN"; payment.reverse and payment.cancel are answered with "ACKNOWLEDGE".

import { parseReason, type ReasonCode } from '../../../schema/values/reasons.ts'
import type { Payment } from '../payment/payment.ts'
import { paymentJson } from '../webhooks/body.ts'
import type { Message, HttpSender, SendOutcome } from '../webhooks/http-sender.ts'
import { validSecrets, type SigningSecret } from '../../shared/signing-secret.ts'

/** A request with the payment that it is about. */
export interface PostedRequest {
  readonly kind: RequestKind
  readonly payment: Payment
}

export type ReplyDecision = 'APPROVE' | 'DECLINE' | 'NEVER_SEEN' | 'ACKNOWLEDGE'

export type CounterpartyReply =
  | {
      readonly kind: 'ANSWER'
      readonly decision: ReplyDecision
      /** Of a DECLINE; null for every other decision. */
      readonly reason: ReasonCode | null
      /** The counterparty's own number. */
      readonly reference: string | null
    }
  /** It has the request, and answers later. */
  | { readonly kind: 'ACCEPTED' }
  /** Surely none of it has arrived. */
  | { readonly kind: 'UNDELIVERED'; readonly error: string }
  /** It may have arrived, and may have been acted on. */
  | { readonly kind: 'UNKNOWN'; readonly error: string }

/** Where a participant takes requests. */
export interface CounterpartyEndpoint {
  readonly url: string
  readonly secrets: readonly SigningSecret[]
}

/** Waits before try number `next` (2, 3 …); false when there is to be none, or `signal` says stop. */
export type Patience = (next: number, payment: Payment, signal?: AbortSignal) => Promise<boolean>

export interface WebhookRequestOptions {
  readonly httpSender: Pick<HttpSender, 'send'>
  readonly now: () => Date
  readonly patience: Patience
}

export type SendRequest = (
  request: PostedRequest,
  endpoint: CounterpartyEndpoint,
  signal?: AbortSignal,
) => Promise<CounterpartyReply>

/**
 * Never throws for what the counterparty does. AUTHORIZE is tried again, by `patience` and until the payment's `respondBy`, as long
 * as nothing has arrived or the answer was 429 or 5xx; every try has the same webhook-id and body, so the receiver can tell. The
 * others are asked once: whoever asks asks again. Once a try may have arrived, what comes of the request is never UNDELIVERED.
 */
export function createWebhookRequestSender(options: WebhookRequestOptions): SendRequest {
  const { httpSender, now, patience } = options

  const tryOnce = (request: PostedRequest, endpoint: CounterpartyEndpoint, signal?: AbortSignal) => {
    const at = now()
    const secrets = validSecrets(endpoint.secrets, at)
    if (secrets.length === 0) return nothingSigns
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
    for (let tries = 1; ; tries++) {
      const outcome = await tryOnce(request, endpoint, signal)
      hasArrived ||= outcome.kind === 'ANSWERED' || outcome.mayHaveArrived
      const reply = replyOf(request.kind, outcome)
      const isWorthRepeating =
        request.kind === 'AUTHORIZE' &&
        (outcome.kind === 'FAILED' ? !outcome.mayHaveArrived : isBusy(outcome.status))
      if (!isWorthRepeating || !(await patience(tries + 1, request.payment, signal))) {
        return reply.kind === 'UNDELIVERED' && hasArrived ? { ...reply, kind: 'UNKNOWN' } : reply
      }
    }
  }
}

/**
 * Waits of 250 ms, 1 s, and then 3 s between tries, as long as the next one still falls before the payment's `respondBy`. `pause`
 * waits, and rejects when the signal is aborted: node:timers/promises in a process, a clock that is moved in a test.
 */
export const untilRespondBy =
  (now: () => Date, pause: (ms: number, signal?: AbortSignal) => Promise<void>): Patience =>
  async (next, { respondBy }, signal) => {
    const waitMs = retryAfterMs[Math.min(next - 2, retryAfterMs.length - 1)]!
    if (signal?.aborted || now().getTime() + waitMs >= respondBy.getTime()) return false
    await pause(waitMs, signal).catch(() => {})
    return !signal?.aborted
  }

/** The same for every try of the same request; an inquiry that is made anew is another request. */
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
      // Only to whom the payer belongs: the wallet, where the merchant has scanned its code.
      ...(payment.counterparty === payment.wallet && { customer, token }),
    },
  })
}

/** What an outcome means. Whatever is not clearly an answer is UNKNOWN: nothing is ever taken for a decline that is not one. */
export function replyOf(kind: RequestKind, outcome: SendOutcome): CounterpartyReply {
  if (outcome.kind === 'FAILED') {
    return { kind: outcome.mayHaveArrived ? 'UNKNOWN' : 'UNDELIVERED', error: outcome.error }
  }
  const { status, body } = outcome
  if (status === 202 || status === 204) return { kind: 'ACCEPTED' }
  if (status !== 200) return { kind: 'UNKNOWN', error: `answered ${status}` }
  return answerIn(body, kind) ?? { kind: 'UNKNOWN', error: 'answered 200 with a body that is not an answer' }
}

const decisions: Readonly<Record<RequestKind, readonly ReplyDecision[]>> = {
  AUTHORIZE: ['APPROVE', 'DECLINE'],
  INQUIRE: ['APPROVE', 'DECLINE', 'NEVER_SEEN'],
  REVERSE: ['ACKNOWLEDGE'],
  CANCEL: ['ACKNOWLEDGE'],
}

function answerIn(body: string, kind: RequestKind): CounterpartyReply | null {
  const { decision, reason = null, reference = null } = membersOf(body)
  const known = decisions[kind].find((one) => one === decision)
  if (!known || !isText(reason) || !isText(reference)) return null
  if (known !== 'DECLINE') {
    return reason === null ? { kind: 'ANSWER', decision: known, reason: null, reference } : null
  }
  // That it declines is clear; a reason that the hub does not know changes nothing about it.
  return { kind: 'ANSWER', decision: known, reason: parseReason(reason ?? '') ?? 'UNSPECIFIED', reference }
}

function membersOf(body: string): Readonly<Record<string, unknown>> {
  try {
    const content: unknown = JSON.parse(body)
    return typeof content === 'object' && content !== null ? (content as Record<string, unknown>) : {}
  } catch {
    return {}
  }
}

/** Null, or 1–64 characters with no control character among them. */
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
const nothingSigns = neverSent('the participant has no secret that signs')
const tooLate = neverSent('the time to answer is over')
