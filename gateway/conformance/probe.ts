// Sends what a hub sends to an endpoint of a participant, and also what no hub sends: wrong signatures,
// changed bodies. Bodies and signatures are made by the code of the hub itself.

import { v7 as newUuid } from 'uuid'
import type { CorridorId, MerchantId, ParticipantId, PaymentId } from '../../schema/values/id.ts'
import type { Money } from '../../schema/values/money.ts'
import { newSigningSecret } from '../../subgraphs/shared/signing-secret.ts'
import {
  eventBody,
  replyOf,
  requestBody,
  signatureHeaders,
  type RequestedPayment,
  type RequestKind,
} from '../../subgraphs/transaction/index.ts'

/** What is tested, and the facts of the payments that are sent. */
export interface Subject {
  readonly role: 'WALLET' | 'ACQUIRER'
  readonly url: string
  /** The secret that the endpoint verifies with. */
  readonly secret: string
  readonly participant: string
  readonly merchant: string
  /** An amount that the endpoint approves. */
  readonly amount: Money
  /** An amount that the endpoint declines; null when there is none. */
  readonly declined: Money | null
  /** Reference of a token of the wallet. */
  readonly token: string
}

/** How a message differs from that of a hub. */
export interface Forgery {
  /** Without the three headers of the signature. */
  readonly isUnsigned?: boolean
  /** Signs in this order; by default with the secret of the subject. */
  readonly secrets?: readonly string[]
  /** Age of the signature. */
  readonly ageMs?: number
  /** Members that are added to the message before it is signed. */
  readonly add?: object
  /** Sent in place of the body that was signed. */
  readonly change?: (body: string) => string
}

export interface Answer {
  /** 0 when there was none. */
  readonly status: number
  /** APPROVE, DECLINE, NEVER_SEEN, ACKNOWLEDGE; else what came instead. */
  readonly said: string
  readonly ms: number
}

export interface Probe {
  readonly subject: Subject
  /** A payment that was never sent before. */
  payment(more?: Partial<RequestedPayment>): RequestedPayment
  ask(kind: RequestKind, payment: RequestedPayment, forgery?: Forgery): Promise<Answer>
  /** Sends the event that the payment was approved, or an event of the kind that is given. */
  tell(payment: RequestedPayment, forgery?: Forgery): Promise<Answer>
}

/** The deadline of a corridor. */
export const answerWithinMs = 8_000
const waitMs = 10_000

export function createProbe(subject: Subject): Probe {
  return {
    subject,
    payment: (more) => ({ ...aPayment(subject, new Date()), ...more }),
    async ask(kind, payment, forgery) {
      const id = `${payment._id}_${kind.toLowerCase()}${kind === 'INQUIRE' ? `_${newUuid()}` : ''}`
      const { status, text, ms } = await post(subject, id, requestBody({ kind, payment }), forgery)
      return { status, said: saidBy(kind, status, text), ms }
    },
    async tell(payment, forgery) {
      const event = {
        kind: 'APPROVED',
        at: new Date(),
        sequence: 3,
        from: 'ROUTED',
        to: 'COMPLETED',
        reason: null,
      } as const
      const body = eventBody({ cursor: `conformance-${payment._id}`, event, payment, refund: null })
      const { status, text, ms } = await post(subject, `3_${payment._id}`, body, forgery)
      return { status, said: status === 0 ? text : `HTTP status ${status}`, ms }
    },
  }
}

function saidBy(kind: RequestKind, status: number, text: string): string {
  if (status === 0) return text
  const reply = replyOf(kind, { kind: 'ANSWERED', status, body: text, latencyMs: 0 })
  if (reply.kind === 'ANSWER') return reply.decision
  return reply.kind === 'ACCEPTED' ? `HTTP status ${status}, to answer later` : reply.error
}

async function post(
  { url, secret }: Subject,
  id: string,
  body: string,
  { isUnsigned = false, secrets = [secret], ageMs = 0, add, change = (same) => same }: Forgery = {},
): Promise<{ readonly status: number; readonly text: string; readonly ms: number }> {
  const signed = add ? JSON.stringify({ ...(JSON.parse(body) as object), ...add }) : body
  const signing = secrets.map((one) => ({ secret: one, notAfter: null }))
  const signature = signatureHeaders(id, new Date(Date.now() - ageMs), signed, signing)
  const startedAt = performance.now()
  const ms = () => Math.round(performance.now() - startedAt)
  try {
    const response = await fetch(url, {
      method: 'POST',
      headers: {
        ...(!isUnsigned && signature),
        'content-type': 'application/json',
        'user-agent': 'Crossgate-Webhooks/1',
      },
      body: change(signed),
      redirect: 'manual',
      signal: AbortSignal.timeout(waitMs),
    })
    return { status: response.status, text: await response.text(), ms: ms() }
  } catch (error) {
    const { message, cause } = error as Error
    return { status: 0, text: cause instanceof Error ? cause.message : message, ms: ms() }
  }
}

/** A secret that the endpoint does not have. */
export const strangeSecret = newSigningSecret

let count = 0

function aPayment({ role, participant, merchant, amount, token }: Subject, now: Date): RequestedPayment {
  const id = newUuid() as PaymentId
  const isWallet = role === 'WALLET'
  count++
  return {
    _id: id,
    createdAt: now,
    respondBy: new Date(now.getTime() + answerWithinMs),
    reference: `conformance-${id.slice(-12)}`,
    rrn: String(count).padStart(12, '0'),
    entryMode: isWallet ? 'CPM' : 'MPM_DYNAMIC',
    wallet: (isWallet ? participant : 'wallet-conformance') as ParticipantId,
    acquirer: (isWallet ? 'acquirer-conformance' : participant) as ParticipantId,
    counterparty: participant as ParticipantId,
    merchant: merchant as MerchantId,
    corridor: 'TH-CN' as CorridorId,
    merchantAmount: amount,
    payerAmount: amount,
    customer: isWallet ? 'payer-conformance' : null,
    token: isWallet ? { reference: token, lastFour: '0000' } : null,
  }
}
