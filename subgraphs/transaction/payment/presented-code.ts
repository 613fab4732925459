// A code that a payer presents for a merchant to scan: what it says, and who may charge it. Pure.
//
// EMVCo Consumer-Presented Mode 1.1. What it carries is a reference to this one presentation, made from the code's own id: it
// is worth nothing anywhere else, and nothing of the payer's account can be read from it but the last four digits.

import { money, type Money } from '../../../schema/values/money.ts'
import { isRefusal, refuse, type Refusal } from '../../../schema/values/problems.ts'
import { decodeCpm, encodeCpm, QrError } from '../../../schema/qr/index.ts'
import type { Presentation, AccountToken } from './commands.ts'
import type { UsedKey } from '../../shared/idempotency-key.ts'
import { valueAtMid, type LimitExceeded, type Price } from '../price/pricing.ts'
import type { RateProvider } from '../price/rates.ts'
import type { ParticipantId, PresentedCodeId } from '../../../schema/values/id.ts'

/** A document of the collection `presentedCodes`. That it was used is seen by the payment that names it, not here. */
export interface PresentedCode {
  /** UUID version 7. */
  readonly _id: PresentedCodeId
  readonly wallet: ParticipantId
  readonly token: AccountToken
  /** The most that may be charged, in any currency; null when the wallet decides. */
  readonly limit: Money | null
  readonly payload: string
  readonly expiresAt: Date
  readonly key: UsedKey
}

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

/** The id of the code that `payload` is; refuses with QR_INVALID, or CODE_UNKNOWN when it is not one of this hub's. */
export function readPresented(payload: string): string | Refusal {
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

/** Null when `price` may be charged to the code at `now`; that it is used once is for the store to say. */
export function checkCharge(
  { expiresAt, limit }: PresentedCode,
  { payerAmount }: Price,
  rates: RateProvider,
  now: Date,
): Refusal | LimitExceeded | null {
  if (now >= expiresAt) {
    return refuse('CODE_EXPIRED', `the code was valid until ${expiresAt.toISOString()}`, payloadPath)
  }
  if (!limit) return null
  const value = valueAtMid(payerAmount, limit.currency, rates)
  if (isRefusal(value)) return value
  if (value.minor <= limit.minor) return null
  return {
    ...refuse('CODE_LIMIT', undefined, ['input', 'amount']),
    __typename: 'LimitExceeded',
    limit,
    used: money(0n, limit.currency),
    resetsAt: null,
  }
}

/** UnionPay's registered identifier and its application for consumer-presented codes. */
const aid = 'A000000333010101'

const prefix = 'CGP0'
const digits = 25

/** 29 characters, as the form asks: a prefix and the id's 128 bits to the base of 36. */
const referenceOf = (id: PresentedCodeId): string =>
  prefix +
  BigInt(`0x${id.replaceAll('-', '')}`)
    .toString(36)
    .toUpperCase()
    .padStart(digits, '0')

function idOf(reference: string): string | null {
  if (!/^CGP0[0-9A-Z]{25}$/.test(reference)) return null
  let bits = 0n
  for (const digit of reference.slice(prefix.length)) bits = bits * 36n + BigInt(Number.parseInt(digit, 36))
  const hex = bits.toString(16).padStart(32, '0')
  if (hex.length > 32) return null
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
}

const payloadPath = ['input', 'payload']
