// The money of a merchant-presented code: fields 53 to 57, and what in them cannot be read exactly.

import { currencyDigits, currencyNumber, currencyOf } from './currency.ts'
import { faultAt } from './error.ts'
import type { QrErrorCode, QrFault } from './error.ts'
import { quote } from './field.ts'
import type { QrField } from './field.ts'
import type { MpmCode, Tip } from './mpm.ts'

const names = {
  '53': 'currency',
  '54': 'amount',
  '55': 'tip indicator',
  '56': 'fixed fee',
  '57': 'percentage fee',
} as const

type MoneyTag = keyof typeof names

/** The kind of tip for each value of field 55. Source: EMVCo MPM 1.1, 4.7.5. */
const tipKinds: Readonly<Record<string, Tip['kind']>> = { '01': 'PROMPT', '02': 'FIXED', '03': 'PERCENT' }

/** Lists one fault of field `tag`. */
type Fail = (tag: MoneyTag, code: QrErrorCode, what: string) => void

/** The first field of each id; null for an absent one. */
type Fields = (tag: MoneyTag) => QrField | null

/**
 * Reads the money of a code. `unreadable` has at most one fault for each field, in the order of their ids.
 * `end` is the end of the payload, in characters.
 *
 * Zero is exact, and the same as no amount: many static codes have it in 54. An empty field states nothing.
 */
export function readMoney(
  all: readonly QrField[],
  end: number,
): Pick<MpmCode, 'currency' | 'currencyNumeric' | 'amount' | 'tip' | 'unreadable'> {
  const fieldOf: Fields = (tag) => all.find((field) => field.tag === tag) ?? null
  const faults = new Map<MoneyTag, QrFault>()
  const fail: Fail = (tag, code, what) => {
    if (faults.has(tag)) return
    const field = fieldOf(tag)
    const shown = field?.value ? ` ${quote(field.value)}` : ''
    faults.set(tag, faultAt(field?.offset ?? end, code, tag, `field ${tag} (${names[tag]})${shown} ${what}`))
  }
  checkRepeated(all, fail)
  const written = fieldOf('53')?.value ?? ''
  const currency = readCurrency(written)
  const amount = readAmount(fieldOf('54')?.value ?? '')
  const tip = readTip(fieldOf, fail)
  if (written !== '' && currency === null) fail('53', 'BAD_VALUE', 'is not a currency of ISO 4217')
  if (amount === unreadable) fail('54', 'BAD_VALUE', 'is not a plain decimal above zero')
  else if (amount !== null) checkDigits('54', amount, currency, fail)
  if (tip?.kind === 'FIXED') checkDigits('56', tip.value, currency, fail)
  return {
    currency,
    currencyNumeric: (currency && currencyNumber(currency)) ?? (/^\d{3}$/.test(written) ? written : null),
    amount: amount === unreadable ? null : amount,
    tip,
    unreadable: [...faults.values()].toSorted((a, b) => Number(a.tag) - Number(b.tag)),
  }
}

/** Reads digits, or letters in either case, which some issuers write. Null for anything else. */
function readCurrency(value: string): string | null {
  const letters = /^[a-z]{3}$/i.test(value) ? value.toUpperCase() : ''
  return currencyOf(value) ?? (currencyNumber(letters) === null ? null : letters)
}

/** The value of an amount that is not a plain decimal. */
const unreadable = Symbol('unreadable')

/**
 * A plain decimal above zero: ".5" is "0.5" and "5." is "5". Null for zero and for no text. Anything else is
 * unreadable: "1,000" may be a thousand or one.
 */
function readAmount(value: string): string | null | typeof unreadable {
  if (value === '') return null
  const [, whole = '', part = ''] = /^(\d*)(?:\.(\d*))?$/.exec(value) ?? []
  if (whole + part === '') return unreadable
  return /[1-9]/.test(whole + part) ? (whole || '0') + (part && `.${part}`) : null
}

/** Two fields with one id are readable only if they state the same. */
function checkRepeated(all: readonly QrField[], fail: Fail): void {
  const values = new Map<string, string>()
  for (const { tag, value } of all) {
    if (!isMoneyTag(tag)) continue
    if (values.has(tag) && values.get(tag) !== value) {
      fail(tag, 'DUPLICATE_TAG', `occurs more than once, also as ${quote(value)}`)
    }
    if (!values.has(tag)) values.set(tag, value)
  }
}

const isMoneyTag = (tag: string): tag is MoneyTag => Object.hasOwn(names, tag)

function readTip(fieldOf: Fields, fail: Fail): Tip | null {
  const indicator = fieldOf('55')?.value ?? ''
  const kind = Object.hasOwn(tipKinds, indicator) ? tipKinds[indicator]! : null
  if (indicator !== '' && kind === null) fail('55', 'BAD_VALUE', 'is not "01", "02" or "03"')
  if (kind !== 'FIXED') checkUnexpected('56', '02', fieldOf, fail)
  if (kind !== 'PERCENT') checkUnexpected('57', '03', fieldOf, fail)
  if (kind === 'PROMPT') return { kind, value: null }
  return kind === null ? null : readFee(kind, fieldOf, fail)
}

function readFee(kind: 'FIXED' | 'PERCENT', fieldOf: Fields, fail: Fail): Tip | null {
  const tag = kind === 'FIXED' ? '56' : '57'
  const field = fieldOf(tag)
  const indicator = fieldOf('55')!.value
  if (!field) fail(tag, 'MISSING_TAG', `is missing although field 55 is "${indicator}"`)
  else if (field.value === '') fail(tag, 'BAD_LENGTH', `is empty although field 55 is "${indicator}"`)
  const value = readAmount(field?.value ?? '')
  if (kind === 'PERCENT' && field?.value && !isPercentage(value)) {
    fail(tag, 'BAD_VALUE', 'is not a percentage from 00.01 to 99.99')
    return null
  }
  if (value === unreadable) fail(tag, 'BAD_VALUE', 'is not a plain decimal above zero')
  return value === null || value === unreadable ? null : { kind, value }
}

const isPercentage = (value: ReturnType<typeof readAmount>): boolean =>
  typeof value === 'string' && Number(value) >= 0.01 && Number(value) <= 99.99

/** A fee that field 55 does not name is neither charged nor ignored, unless it is zero. */
function checkUnexpected(tag: '56' | '57', indicator: string, fieldOf: Fields, fail: Fail): void {
  if (readAmount(fieldOf(tag)?.value ?? '') === null) return
  fail(tag, 'UNEXPECTED_TAG', `is present although field 55 is not "${indicator}"`)
}

/** Zeros at the end are exact: 500.00 JPY is 500 JPY. */
function checkDigits(tag: '54' | '56', amount: string, currency: string | null, fail: Fail): void {
  if (currency === null) return fail('53', 'MISSING_TAG', `is missing beside field ${tag} (${names[tag]})`)
  const decimals = amount.split('.')[1]?.replace(/0{1,99}$/, '').length ?? 0
  const digits = currencyDigits(currency)
  if (decimals > digits) fail(tag, 'BAD_VALUE', `has ${decimals} decimals, ${currency} has ${digits}`)
}
