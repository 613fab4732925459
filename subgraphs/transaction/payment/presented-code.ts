// A code that a payer presents for a merchant to scan: its payload, and the rules for charging it. Pure.
//
// EMVCo Consumer-Presented Mode 1.1. The payload carries a reference made from the code's own id. The
// reference is of no use outside this hub, and reveals only the last four digits of the payer's account.

import { decodeCpm, encodeCpm, QrError } from '../../../schema/qr/index.ts'
import type { ParticipantId, PresentedCodeId } from '../../../schema/values/id.ts'
import type { Money } from '../../../schema/values/money.ts'
import { isRefusal, refuse, type ProblemCode, type Refusal } from '../../../schema/values/problems.ts'
import type { UsedKey } from '../../shared/idempotency-key.ts'
import { valueAtMid, type Price } from '../price/pricing.ts'
import type { RateProvider } from '../price/rates.ts'
import type { AccountToken, Presentation } from './commands.ts'

/**
 * A document of the collection `presentedCodes`. A payment with its id marks it as used; the document never
 * changes.
 */
export interface PresentedCode {
  /** UUID version 7. */
  readonly _id: PresentedCodeId
  readonly wallet: ParticipantId
  readonly token: AccountToken
  /** Largest amount that may be charged, in any currency; null when the wallet decides. */
  readonly limit: Money | null
  readonly payload: string
  readonly expiresAt: Date
  readonly key: UsedKey
}

/** Creates a presented code that is valid for `ttlSeconds` from the time of `key`. */
export function present(
  id: PresentedCodeId,
  wallet: ParticipantId,
  { token, limit, ttlSeconds }: Presentation,
  key: UsedKey,
): PresentedCode {
  const reference = { paymentAccountReference: referenceOf(id), lastFour: token.lastFour }
  const payload = encodeCpm({ applications: [{ aid, label: 'CROSSGATE', ...reference }] })
  const expiresAt = new Date(key.at.getTime() + ttlSeconds * 1000)
  return { _id: id, wallet, token, limit, payload, expiresAt, key }
}

/**
 * Reads the id of the presented code `payload`. Refuses with QR_INVALID, or CODE_UNKNOWN for a code of
 * another hub.
 */
export function readPresented(payload: string): PresentedCodeId | Refusal {
  try {
    for (const { paymentAccountReference } of decodeCpm(payload).applications) {
      const id = paymentAccountReference && idOf(paymentAccountReference)
      if (id) return id
    }
  } catch (error) {
    if (error instanceof QrError) return refuse('QR_INVALID', error.message, payloadPath)
    throw error
  }
  return refuse('CODE_UNKNOWN', 'the code was not presented by a wallet of this hub', payloadPath)
}

/**
 * Returns null when `price` may be charged to the code at `now`. Refuses with CODE_EXPIRED or CODE_LIMIT.
 * The store ensures that a code is used once.
 */
export function checkCharge(
  { expiresAt, limit }: PresentedCode,
  { payerAmount }: Price,
  rates: RateProvider,
  now: Date,
): Refusal | null {
  if (now >= expiresAt) {
    return refuse('CODE_EXPIRED', `the code was valid until ${expiresAt.toISOString()}`, payloadPath)
  }
  if (!limit) return null
  const value = valueAtMid(payerAmount, limit.currency, rates)
  if (isRefusal(value)) return value
  return value.minor <= limit.minor ? null : refuse('CODE_LIMIT', undefined, ['input', 'amount'])
}

/** Refusals that name what a payer has spent, or the limit that a payer has set. */
const payerLimits: ReadonlySet<ProblemCode> = new Set<ProblemCode>(['LIMIT_PER_DAY', 'CODE_LIMIT'])

/** `refusal` as the acquirer may see it: without the amounts and times of a payer’s limit. */
export const refusalForAcquirer = (refusal: Refusal): Refusal =>
  payerLimits.has(refusal.code) ? refuse(refusal.code, undefined, refusal.path) : refusal

/** UnionPay's registered identifier and its application for consumer-presented codes. */
const aid = 'A000000333010101'

const prefix = 'CGP0'
const digits = 25

/** Encodes an id as the 29 characters of a payment account reference: a prefix and 128 bits in base 36. */
const referenceOf = (id: PresentedCodeId): string =>
  prefix +
  BigInt(`0x${id.replaceAll('-', '')}`)
    .toString(36)
    .toUpperCase()
    .padStart(digits, '0')

function idOf(reference: string): PresentedCodeId | null {
  if (!/^CGP0[0-9A-Z]{25}$/.test(reference)) return null
  let bits = 0n
  for (const digit of reference.slice(prefix.length)) bits = bits * 36n + BigInt(Number.parseInt(digit, 36))
  const hex = bits.toString(16).padStart(32, '0')
  if (hex.length > 32) return null
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5') as PresentedCodeId
}

const payloadPath = ['input', 'payload']
