// The rules of EMVCo MPM 1.1 for each field, and the check of a code against them.

import { isCountry } from './country.ts'
import { currencyOf } from './currency.ts'
import { faultAt } from './error.ts'
import type { QrErrorCode, Report } from './error.ts'
import { characters, pathOf, quote } from './field.ts'
import type { QrField } from './field.ts'

/** `N` digits, `ANS` printable ASCII (EMV Book 4, Annex B), `S` any Unicode text. */
type Format = 'N' | 'ANS' | 'S'

interface Rule {
  readonly name: string
  readonly format: Format
  readonly min: number
  readonly max: number
  readonly isMandatory?: boolean
  /** The rule for the value beyond its format, in words and as a test. */
  readonly requires?: readonly [words: string, test: (value: string) => boolean]
}

/** The rules of one level, by id. */
interface Rules {
  readonly byTag: ReadonlyMap<string, Rule>
  readonly mandatory: readonly (readonly [tag: string, rule: Rule])[]
  /** True for an id that EMVCo reserves for future use. */
  readonly isReserved: (tag: string) => boolean
}

const decimal = /^\d+(?:\.\d*)?$/ // EMVCo: "98.73", "98" and "98." are well formed

const amount: Rule['requires'] = [
  'a plain decimal above zero',
  (value) => decimal.test(value) && /[1-9]/.test(value),
]

const percentage: Rule['requires'] = [
  'a percentage from 00.01 to 99.99',
  (value) => decimal.test(value) && Number(value) >= 0.01 && Number(value) <= 99.99,
]

const formats: Readonly<Record<Format, Required<Rule>['requires']>> = {
  N: ['all digits', (value) => /^\d*$/.test(value)],
  ANS: ['printable ASCII', (value) => /^[\x20-\x7E]*$/.test(value)],
  S: ['well-formed Unicode', (value) => value.isWellFormed()],
}

/** Source: EMVCo MPM 1.1, tables 3.1 to 3.6. */
const rootRules = level({
  '00': exactly(2, 'N', 'payload format indicator', {
    isMandatory: true,
    requires: ['"01"', (value) => value === '01'],
  }),
  '01': exactly(2, 'N', 'point of initiation', {
    requires: ['"11" or "12"', (value) => /^1[12]$/.test(value)],
  }),
  '52': exactly(4, 'N', 'merchant category code', { isMandatory: true }),
  '53': exactly(3, 'N', 'currency', {
    isMandatory: true,
    requires: ['a number of ISO 4217', (value) => currencyOf(value) !== null],
  }),
  '54': upTo(13, 'ANS', 'amount', { requires: amount }),
  '55': exactly(2, 'N', 'tip indicator', {
    requires: ['"01", "02" or "03"', (value) => /^0[1-3]$/.test(value)],
  }),
  '56': upTo(13, 'ANS', 'fixed fee', { requires: amount }),
  '57': upTo(5, 'ANS', 'percentage fee', { requires: percentage }),
  '58': exactly(2, 'ANS', 'country', { isMandatory: true, requires: ['a country of ISO 3166-1', isCountry] }),
  '59': upTo(25, 'ANS', 'merchant name', { isMandatory: true }),
  '60': upTo(15, 'ANS', 'merchant city', { isMandatory: true }),
  '61': upTo(10, 'ANS', 'postal code'),
  '62': upTo(99, 'S', 'additional data'),
  '63': exactly(4, 'ANS', 'checksum', { isMandatory: true }),
  '64': upTo(99, 'S', 'language template'),
})

/**
 * Source: EMVCo MPM 1.1, table 3.7. Ids 50–99 are templates there, but plain text in many codes in use,
 * such as
 * QRIS.
 */
const additionalRules = level(
  {
    '01': upTo(25, 'ANS', 'bill number'),
    '02': upTo(25, 'ANS', 'mobile number'),
    '03': upTo(25, 'ANS', 'store label'),
    '04': upTo(25, 'ANS', 'loyalty number'),
    '05': upTo(25, 'ANS', 'reference label'),
    '06': upTo(25, 'ANS', 'customer label'),
    '07': upTo(25, 'ANS', 'terminal label'),
    '08': upTo(25, 'ANS', 'purpose'),
    '09': upTo(3, 'ANS', 'consumer data request', {
      requires: [
        'made of A, M and E, each at most once',
        (value) => /^[AME]+$/.test(value) && new Set(value).size === value.length,
      ],
    }),
    '10': upTo(20, 'ANS', 'merchant tax id'),
    '11': exactly(3, 'ANS', 'merchant channel'),
  },
  (tag) => tag === '00' || (tag >= '12' && tag <= '49'),
)

/** Source: EMVCo MPM 1.1, table 3.8. */
const languageRules = level(
  {
    '00': exactly(2, 'ANS', 'language', {
      isMandatory: true,
      requires: ['two letters of ISO 639-1', (value) => /^[a-z]{2}$/i.test(value)],
    }),
    '01': upTo(25, 'S', 'local merchant name', { isMandatory: true }),
    '02': upTo(15, 'S', 'local merchant city'),
  },
  (tag) => tag >= '03',
)

/**
 * Merchant accounts 26–51, unreserved templates 80–99, and those in 62. Source: EMVCo MPM 1.1, tables 3.2,
 * 3.7 and 3.9.
 */
const identifiedRules = level({
  '00': upTo(32, 'ANS', 'globally unique identifier', { isMandatory: true }),
})

const cardAccount = upTo(99, 'ANS', 'merchant account')
const anyText = upTo(99, 'S', 'value')

export const isMerchantAccount = (tag: string): boolean => tag >= '02' && tag <= '51'
export const isUnreserved = (tag: string): boolean => tag >= '80'
/** True for ids whose value must consist of fields. */
export const isTemplate = (tag: string): boolean =>
  (tag >= '26' && tag <= '51') || tag === '62' || tag === '64' || tag >= '80'
/** True for the ids of templates of payment systems inside tag 62. */
export const isAdditionalTemplate = (tag: string): boolean => tag >= '50'

/** Reports every deviation of a code. `end` is the end of its payload, in characters. */
export function checkCode(fields: readonly QrField[], end: number, report: Report): void {
  const { tag, offset } = fields[0]!
  if (tag !== '00' && fields.some((field) => field.tag === '00')) {
    report(faultAt(offset, 'MISPLACED_TAG', '00', `field ${tag} comes before field 00`))
  }
  checkLevel(fields, rootRules, '', end, report)
  for (const field of fields) {
    const inner = field.fields
    if (inner.length > 0) checkLevel(inner, rulesInside(field.tag), field.tag, endOf(field), report)
    if (field.tag === '62') checkAdditionalTemplates(inner, report)
  }
  if (!fields.some((field) => isMerchantAccount(field.tag))) {
    report(faultAt(end, 'MISSING_TAG', null, 'a merchant account (field 02 to 51) is missing'))
  }
  checkFee(fields, '56', '02', end, report)
  checkFee(fields, '57', '03', end, report)
}

function checkAdditionalTemplates(fields: readonly QrField[], report: Report): void {
  for (const field of fields) {
    const inner = isAdditionalTemplate(field.tag) ? field.fields : []
    if (inner.length > 0) checkLevel(inner, identifiedRules, pathOf('62', field.tag), endOf(field), report)
  }
}

/** The least characters of an account of a card scheme, which are card numbers in most codes. */
const cardAccountMin = 13

/**
 * True when the fields have at least one of: an account, category, currency, country, name or city. Some
 * wallets write their own fields in the same syntax, which are no payment codes.
 */
export const isPaymentCode = (fields: readonly QrField[]): boolean =>
  fields.some(
    ({ tag, value }) =>
      /^(?:2[6-9]|3\d|4\d|5[0-3]|58|59|60)$/.test(tag) ||
      (isMerchantAccount(tag) && value.length >= cardAccountMin),
  )

const rulesInside = (tag: string) =>
  tag === '62' ? additionalRules : tag === '64' ? languageRules : identifiedRules

const endOf = (field: QrField) => field.offset + 4 + characters(field.value)

function checkLevel(
  fields: readonly QrField[],
  rules: Rules,
  path: string,
  end: number,
  report: Report,
): void {
  const seen = new Set<string>()
  for (const field of fields) {
    const { tag } = field
    const rule = rules.byTag.get(tag) ?? (path === '' && tag >= '02' && tag <= '25' ? cardAccount : anyText)
    if (rules.isReserved(tag))
      reportField(field, path, rule, 'RESERVED_TAG', 'is reserved for future use', report)
    if (seen.has(tag)) reportField(field, path, rule, 'DUPLICATE_TAG', 'occurs more than once', report)
    seen.add(tag)
    checkField(field, rule, path, report)
  }
  for (const [tag, rule] of rules.mandatory) {
    if (!seen.has(tag)) reportMissing(pathOf(path, tag), `(${rule.name}) is missing`, end, report)
  }
}

function checkField(field: QrField, rule: Rule, path: string, report: Report): void {
  const { value } = field
  const { min, max, requires } = rule
  const deviates = (code: QrErrorCode, what: string) => reportField(field, path, rule, code, what, report)
  if (value === '') return deviates('BAD_LENGTH', 'is empty')
  const length = value.length <= max ? value.length : characters(value)
  if (length > max) deviates('TOO_LONG', `has ${length} characters, at most ${max} fit`)
  if (length < min) deviates('BAD_LENGTH', `has ${length} characters instead of ${min}`)
  const [words, test] = formats[rule.format]
  if (!test(value)) deviates('BAD_VALUE', `is not ${words}`)
  else if (requires && length >= min && !requires[1](value)) deviates('BAD_VALUE', `is not ${requires[0]}`)
}

/** Reports a fault of a field. The message contains the value, except for a merchant account. */
function reportField(
  field: QrField,
  path: string,
  rule: Rule,
  code: QrErrorCode,
  what: string,
  report: Report,
): void {
  const tag = pathOf(path, field.tag)
  const shown = isMerchantAccount(path || field.tag) || field.value === '' ? '' : ` ${quote(field.value)}`
  report(faultAt(field.offset, code, tag, `field ${tag} (${rule.name})${shown} ${what}`))
}

function reportMissing(tag: string, what: string, end: number, report: Report): void {
  report(faultAt(end, 'MISSING_TAG', tag, `field ${tag} ${what}`))
}

/** Checks that fields 56 and 57 are present exactly when field 55 requires them. */
function checkFee(
  fields: readonly QrField[],
  tag: '56' | '57',
  indicator: string,
  end: number,
  report: Report,
): void {
  const field = fields.find((each) => each.tag === tag)
  const isRequired = fields.find((each) => each.tag === '55')?.value === indicator
  if (isRequired && !field) reportMissing(tag, `is missing although field 55 is "${indicator}"`, end, report)
  if (field && !isRequired) {
    report(
      faultAt(
        field.offset,
        'UNEXPECTED_TAG',
        tag,
        `field ${tag} is present although field 55 is not "${indicator}"`,
      ),
    )
  }
}

function level(rules: Readonly<Record<string, Rule>>, isReserved: Rules['isReserved'] = () => false): Rules {
  const entries = Object.entries(rules)
  return { byTag: new Map(entries), mandatory: entries.filter(([, rule]) => rule.isMandatory), isReserved }
}

type Options = Pick<Rule, 'isMandatory' | 'requires'>

function exactly(length: number, format: Format, name: string, options?: Options): Rule {
  return { name, format, min: length, max: length, ...options }
}

function upTo(max: number, format: Format, name: string, options?: Options): Rule {
  return { name, format, min: 1, max, ...options }
}
