// Merchant codes: how the hub issues them, and which merchant a scanned one names. No MongoDB, no GraphQL.

import { hash } from 'node:crypto'
import {
  encodeMpm,
  type FieldInput,
  type LocalText,
  type MpmCode,
  type MpmInput,
  type Template,
} from '../../schema/qr/index.ts'
import type { MerchantCodeId, MerchantId, ParticipantId } from '../../schema/values/id.ts'
import { formatAmount, parseMoney, type Money } from '../../schema/values/money.ts'
import { isRefusal, refuse, type Refusal } from '../../schema/values/problems.ts'
import type { Participant } from '../shared/registry.ts'
import { merchantIdOf, type Merchant } from './merchant.ts'

export type CodeKind = 'STATIC' | 'DYNAMIC'

export interface IssueCodeInput {
  readonly idempotencyKey: string
  readonly merchant: MerchantId
  readonly kind: CodeKind
  readonly amount?: { readonly amount: string; readonly currency: string } | null
  readonly reference?: string | null
  readonly ttlSeconds?: number | null
}

export interface MerchantCode {
  /** UUID version 7 of the time of issue. */
  readonly id: MerchantCodeId
  readonly kind: CodeKind
  readonly payload: string
  /** Null for static codes. */
  readonly expiresAt: Date | null
  /** The merchant that it pays. */
  readonly merchant: MerchantId
  readonly acquirer: ParticipantId
}

/** A valid request for a code, in canonical form. */
export interface CodeOrder {
  readonly idempotencyKey: string
  readonly merchant: MerchantId
  readonly kind: CodeKind
  readonly amount: Money | null
  readonly reference: string | null
  readonly ttlSeconds: number | null
}

/** Marks the hub's own templates: tag 26 names a merchant, tag 80 a dynamic code. */
const identifier = 'org.crossgate'
const ttl = { min: 30, max: 86_400, standard: 900 } as const
/** Most characters in fields 54, 59 and 60. */
const amountMax = 13
const nameMax = 25
const cityMax = 15

/** ISO 639-1 language of local names, by country. Countries without an entry have no local name in their codes. */
const languages: Readonly<Record<string, string>> = {
  AE: 'ar', BD: 'bn', BH: 'ar', CN: 'zh', EG: 'ar', GE: 'ka', HK: 'zh', ID: 'id', IN: 'hi', JO: 'ar', JP: 'ja', KH: 'km',
  KR: 'ko', KW: 'ar', KZ: 'kk', LA: 'lo', LK: 'si', MM: 'my', MN: 'mn', MO: 'zh', MY: 'ms', NP: 'ne', OM: 'ar', PK: 'ur',
  QA: 'ar', RU: 'ru', SA: 'ar', TH: 'th', TR: 'tr', TW: 'zh', UZ: 'uz', VN: 'vi',
} // prettier-ignore

/** Reads a request, or refuses it. Checks that need the merchant are those of `issueCode`. */
export function readOrder(input: IssueCodeInput): CodeOrder | Refusal {
  const { idempotencyKey, merchant, kind } = input
  const reference = input.reference ?? null
  const amount = input.amount ? parseMoney(input.amount, ['input', 'amount']) : null
  const at = (field: string): string[] => ['input', field]

  if (idempotencyKey.length < 1 || idempotencyKey.length > 64) {
    return refuse('BAD_VALUE', '`idempotencyKey` has 1–64 characters', at('idempotencyKey'))
  }
  if (isRefusal(amount)) return amount
  if (reference !== null && !/^[\x21-\x7E](?:[\x20-\x7E]{0,23}[\x21-\x7E])?$/.test(reference)) {
    return refuse('BAD_VALUE', '`reference` has 1–25 printable ASCII characters', at('reference'))
  }
  if (kind === 'STATIC') {
    if (amount) return refuse('BAD_VALUE', 'a static code has no amount: omit it', at('amount'))
    if (input.ttlSeconds)
      return refuse('BAD_VALUE', 'a static code does not expire: omit `ttlSeconds`', at('ttlSeconds'))
    return { idempotencyKey, merchant, kind, amount: null, reference, ttlSeconds: null }
  }
  const ttlSeconds = input.ttlSeconds ?? ttl.standard
  if (!amount) return refuse('AMOUNT_MISSING', 'a dynamic code needs an amount', at('amount'))
  if (ttlSeconds < ttl.min || ttlSeconds > ttl.max) {
    return refuse('BAD_VALUE', `\`ttlSeconds\` is ${ttl.min}–${ttl.max}, not ${ttlSeconds}`, at('ttlSeconds'))
  }
  return { idempotencyKey, merchant, kind, amount, reference, ttlSeconds }
}

/** Issues the code `id` for an order, or refuses. `acquirer` and `network` are those of the merchant. */
export function issueCode(
  order: CodeOrder,
  merchant: Merchant,
  { acquirer, network }: { readonly acquirer: Participant; readonly network: Participant | undefined },
  id: MerchantCodeId,
  now: Date,
): MerchantCode | Refusal {
  const { kind, amount, reference, ttlSeconds } = order
  const mode = kind === 'STATIC' ? 'MPM_STATIC' : 'MPM_DYNAMIC'
  if (merchant.status !== 'ACTIVE') {
    return refuse('MERCHANT_INACTIVE', `${merchant.id} is ${merchant.status}`, ['input', 'merchant'])
  }
  if (!merchant.entryModes.includes(mode)) {
    return refuse('ENTRY_MODE_NOT_OFFERED', `${merchant.id} does not offer ${mode}`, ['input', 'kind'])
  }
  if (amount && amount.currency !== merchant.currency) {
    return refuse(
      'WRONG_CURRENCY',
      `${merchant.id} prices in ${merchant.currency}, not in ${amount.currency}`,
      ['input', 'amount', 'currency'],
    )
  }
  if (amount && formatAmount(amount).length > amountMax) {
    return refuse('AMOUNT_TOO_LARGE', `the amount has more than the ${amountMax} characters of a code`, [
      'input',
      'amount',
    ])
  }
  const payload = encodeMpm({
    pointOfInitiation: kind,
    ...accountOf(merchant, acquirer, network),
    mcc: merchant.mcc,
    currency: merchant.currency,
    amount: amount && formatAmount(amount),
    country: merchant.country,
    merchantName: printable(merchant.name, nameMax) || merchant.mid,
    merchantCity: printable(merchant.city, cityMax) || merchant.country,
    local: localText(merchant),
    additionalData: reference === null ? null : { referenceLabel: reference },
    unreserved: kind === 'DYNAMIC' ? [template('80', id.replaceAll('-', ''))] : [],
  })
  const expiresAt = ttlSeconds === null ? null : new Date(now.getTime() + ttlSeconds * 1000)
  return { id, kind, payload, expiresAt, merchant: merchant.id, acquirer: merchant.acquirer }
}

/** A digest of the order without its idempotency key. */
export const digestOf = ({ merchant, kind, amount, reference, ttlSeconds }: CodeOrder): string =>
  hash(
    'sha256',
    JSON.stringify([merchant, kind, amount && formatAmount(amount), amount?.currency, reference, ttlSeconds]),
    'base64url',
  )

/** What a scanned code states about its merchant. The hub has not verified it. */
export interface Claim {
  /** Id of a dynamic code of the hub; null when it names none. */
  readonly code: MerchantCodeId | null
  /** Null when it names no merchant in a form that the hub reads. */
  readonly merchant: MerchantId | null
}

/** Reads tag 15 (UnionPay: number of the acquirer, then the acquirer's number of the merchant), or the hub's tag 26. */
export function claimOf(code: MpmCode, participantByIin: ReadonlyMap<string, Participant>): Claim {
  const { unionPay, merchantAccounts, unreserved } = code
  const acquirer = unionPay && participantByIin.get(unionPay.acquirerIin)
  const [, ...parts] = /^(.{8})(.{4})(.{4})(.{4})(.{12})$/.exec(ownValue(unreserved, '80') ?? '') ?? []
  return {
    code: parts.length > 0 ? (parts.join('-') as MerchantCodeId) : null,
    merchant: acquirer
      ? merchantIdOf(acquirer.id, unionPay.merchantId.trim())
      : (ownValue(merchantAccounts, '26') as MerchantId | null),
  }
}

function accountOf(
  { id, mid }: Merchant,
  { iin }: Participant,
  network: Participant | undefined,
): Pick<MpmInput, 'unionPay' | 'merchantAccounts'> {
  if (iin === null) return { merchantAccounts: [template('26', id)] }
  return { unionPay: { acquirerIin: iin, forwardingIin: network?.iin ?? iin, merchantId: mid } }
}

function localText({ localName, country }: Merchant): LocalText | null {
  const language = languages[country]
  if (localName === null || !language) return null
  return { language, name: Array.from(localName).slice(0, nameMax).join('').trim(), city: null }
}

/** A template of the hub with one value. */
const template = (tag: string, value: string): FieldInput => ({
  tag,
  fields: [
    { tag: '00', value: identifier },
    { tag: '01', value },
  ],
})

/** The value of the hub's template `tag`; null without one. */
function ownValue(templates: readonly Template[], tag: string): string | null {
  const found = templates.find((one) => one.tag === tag && one.guid === identifier)
  return found?.fields.find((field) => field.tag === '01')?.value ?? null
}

/** `text` in printable ASCII without accents, at most `max` characters. */
const printable = (text: string, max: number): string =>
  text
    .normalize('NFKD')
    .replace(/[ßøØłŁđĐæÆœŒıþÞð]/g, (letter) => asciiLetters[letter] ?? '')
    .replace(/[‘’]/g, "'")
    .replace(/[–—]/g, '-')
    .replace(/[^\x20-\x7E]/g, '')
    .trim()
    .slice(0, max)
    .trim()

/** Letters that NFKD does not decompose. */
const asciiLetters: Readonly<Record<string, string>> = {
  ß: 'ss', ø: 'o', Ø: 'O', ł: 'l', Ł: 'L', đ: 'd', Đ: 'D', æ: 'ae', Æ: 'AE', œ: 'oe', Œ: 'OE', ı: 'i', þ: 'th', Þ: 'Th', ð: 'd',
} // prettier-ignore
