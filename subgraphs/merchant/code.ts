// Codes that the hub issues for merchants, and how a merchant is found again by one. No MongoDB, no GraphQL.

import { hash } from 'node:crypto'
import {
  encodeMpm,
  type FieldInput,
  type LocalText,
  type MpmCode,
  type MpmInput,
  type Template,
} from '../../schema/qr/index.ts'
import { formatAmount, parseMoney, type Money } from '../../schema/values/money.ts'
import { isRefusal, refuse, type Refusal } from '../../schema/values/problems.ts'
import type { Participant } from '../shared/registry.ts'
import type { Merchant } from './merchant.ts'
import type { MerchantCodeId, MerchantId, ParticipantId } from '../../schema/values/id.ts'

export type CodeKind = 'STATIC' | 'DYNAMIC'

export interface IssueCodeInput {
  readonly idempotencyKey: string
  readonly merchant: string
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
  /** Ids. */
  readonly merchant: MerchantId
  readonly acquirer: ParticipantId
}

/** What a valid request asks for, in one form whichever way it was written. */
export interface CodeOrder {
  readonly idempotencyKey: string
  readonly merchant: MerchantId
  readonly kind: CodeKind
  readonly amount: Money | null
  readonly reference: string | null
  readonly ttlSeconds: number | null
}

/** Names the hub in templates of its own: tag 26 for a merchant, tag 80 for a dynamic code. */
const identifier = 'org.crossgate'
const ttl = { min: 30, max: 86_400, standard: 900 } as const
/** Characters that fields 54, 59 and 60 hold. */
const amountMax = 13
const nameMax = 25
const cityMax = 15

/** ISO 639-1, where the local script is not Latin or the language is one of its own. */
const languages: Readonly<Record<string, string>> = {
  AE: 'ar', BD: 'bn', BH: 'ar', CN: 'zh', EG: 'ar', GE: 'ka', HK: 'zh', ID: 'id', IN: 'hi', JO: 'ar', JP: 'ja', KH: 'km',
  KR: 'ko', KW: 'ar', KZ: 'kk', LA: 'lo', LK: 'si', MM: 'my', MN: 'mn', MO: 'zh', MY: 'ms', NP: 'ne', OM: 'ar', PK: 'ur',
  QA: 'ar', RU: 'ru', SA: 'ar', TH: 'th', TR: 'tr', TW: 'zh', UZ: 'uz', VN: 'vi',
} // prettier-ignore

/** Checks what can be checked without knowing the merchant. */
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
    return refuse('BAD_VALUE', '`reference` is 1–25 printable ASCII characters', at('reference'))
  }
  if (kind === 'STATIC') {
    if (amount) return refuse('BAD_VALUE', 'a static code carries no amount', at('amount'))
    if (input.ttlSeconds) return refuse('BAD_VALUE', 'a static code does not end', at('ttlSeconds'))
    return { idempotencyKey, merchant, kind, amount: null, reference, ttlSeconds: null }
  }
  const ttlSeconds = input.ttlSeconds ?? ttl.standard
  if (!amount) return refuse('AMOUNT_MISSING', 'a dynamic code carries an amount', at('amount'))
  if (ttlSeconds < ttl.min || ttlSeconds > ttl.max) {
    return refuse('BAD_VALUE', `\`ttlSeconds\` is ${ttl.min}–${ttl.max}, not ${ttlSeconds}`, at('ttlSeconds'))
  }
  return { idempotencyKey, merchant, kind, amount, reference, ttlSeconds }
}

/** The code `id` for an order, or why there is none. `acquirer` and `network` are those of the merchant. */
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
    return refuse('AMOUNT_TOO_LARGE', `a code holds amounts of at most ${amountMax} characters`, [
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

/** The same for every order of the same content, whatever its key. */
export const digestOf = ({ merchant, kind, amount, reference, ttlSeconds }: CodeOrder): string =>
  hash(
    'sha256',
    JSON.stringify([merchant, kind, amount && formatAmount(amount), amount?.currency, reference, ttlSeconds]),
    'base64url',
  )

/** What a scanned code says about whom it pays. */
export interface Claim {
  /** Id of the dynamic code that it says it is. */
  readonly code: string | null
  /** Id of the merchant that it names; null when it names none in a way that the hub knows. */
  readonly merchant: MerchantId | null
}

/** Finds the merchant by tag 15 (UnionPay's layout: the acquirer's number, then its own for the merchant) or the hub's tag 26. */
export function claimOf(code: MpmCode, participantByIin: ReadonlyMap<string, Participant>): Claim {
  const { unionPay, merchantAccounts, unreserved } = code
  const acquirer = unionPay && participantByIin.get(unionPay.acquirerIin)
  const [, ...parts] = /^(.{8})(.{4})(.{4})(.{4})(.{12})$/.exec(own(unreserved, '80') ?? '') ?? []
  return {
    code: parts.length > 0 ? parts.join('-') : null,
    merchant: acquirer ? `${acquirer.id}.${unionPay.merchantId.trim()}` : own(merchantAccounts, '26'),
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

/** A template of the hub's own. */
const template = (tag: string, value: string): FieldInput => ({
  tag,
  fields: [
    { tag: '00', value: identifier },
    { tag: '01', value },
  ],
})

/** What the hub's own template `tag` holds; null when there is none. */
function own(templates: readonly Template[], tag: string): string | null {
  const found = templates.find((one) => one.tag === tag && one.guid === identifier)
  return found?.fields.find((field) => field.tag === '01')?.value ?? null
}

/** `text` in printable ASCII, accents dropped, at most `max` characters. */
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

/** Letters that are no letter with an accent. */
const asciiLetters: Readonly<Record<string, string>> = {
  ß: 'ss', ø: 'o', Ø: 'O', ł: 'l', Ł: 'L', đ: 'd', Đ: 'D', æ: 'ae', Æ: 'AE', œ: 'oe', Œ: 'OE', ı: 'i', þ: 'th', Þ: 'Th', ð: 'd',
} // prettier-ignore
