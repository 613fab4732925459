// Figures, amounts and times as the viewer reads them.

import { locale, settings } from './settings.svelte.ts'

export interface Money {
  readonly amount: string
  readonly currency: string
}

/** To make a format takes some sixty times as long as to use it. */
function kept<Options, Format>(Kind: new (locale: string, options: Options) => Format) {
  const formats = new Map<string, Format>()
  return (options: Options): Format => {
    const name = `${locale()} ${JSON.stringify(options)}`
    let format = formats.get(name)
    if (!format) formats.set(name, (format = new Kind(locale(), options)))
    return format
  }
}

const numberFormat = kept<Intl.NumberFormatOptions, Intl.NumberFormat>(Intl.NumberFormat)
const dateFormat = kept<Intl.DateTimeFormatOptions, Intl.DateTimeFormat>(Intl.DateTimeFormat)
const displayNames = kept<Intl.DisplayNamesOptions, Intl.DisplayNames>(Intl.DisplayNames)

/** The digits of an amount, as many as its currency has: the hub sends exactly these. */
export function amountText({ amount }: Money): string {
  const digits = amount.split('.')[1]?.length ?? 0
  // A decimal text is formatted exactly, without becoming a float.
  return numberFormat({ minimumFractionDigits: digits, maximumFractionDigits: digits }).format(
    amount as Intl.StringNumericLiteral,
  )
}

/** For a sum over many payments: "1.2M". */
export const compactAmount = ({ amount }: Money): string => compact(Number(amount))

export const moneyText = (money: Money): string => `${money.currency} ${amountText(money)}`

export const count = (value: number): string => numberFormat({}).format(value)
export const compact = (value: number): string =>
  numberFormat({ notation: 'compact', maximumSignificantDigits: 3 }).format(value)

/** A share of 1 as a percentage; a dash for null. */
export const percent = (share: number | null | undefined, digits = 1): string =>
  share === null || share === undefined
    ? '–'
    : numberFormat({ style: 'percent', minimumFractionDigits: digits, maximumFractionDigits: digits }).format(
        share,
      )

/** A change in per cent, with its sign. */
export const change = (value: number | null | undefined): string =>
  value === null || value === undefined
    ? '–'
    : numberFormat({ style: 'percent', maximumFractionDigits: 1, signDisplay: 'exceptZero' }).format(
        value / 100,
      )

const timeFormat = (options: Intl.DateTimeFormatOptions, at: string | Date): string =>
  dateFormat(options).format(typeof at === 'string' ? new Date(at) : at)

export const clock = (at: string | Date): string =>
  timeFormat({ hour: '2-digit', minute: '2-digit', second: '2-digit', hour12: false }, at)
export const hourMinute = (at: string | Date): string =>
  timeFormat({ hour: '2-digit', minute: '2-digit', hour12: false }, at)
export const clockMs = (at: string | Date): string =>
  timeFormat(
    { hour: '2-digit', minute: '2-digit', second: '2-digit', fractionalSecondDigits: 3, hour12: false },
    at,
  )
export const dateTime = (at: string | Date): string =>
  timeFormat(
    {
      year: 'numeric',
      month: 'short',
      day: 'numeric',
      hour: '2-digit',
      minute: '2-digit',
      second: '2-digit',
      hour12: false,
    },
    at,
  )
export const day = (at: string | Date): string =>
  timeFormat({ year: 'numeric', month: 'short', day: 'numeric' }, at)
/** UTC, as the hub sends it, to the millisecond. */
export const utc = (at: string | Date): string =>
  (typeof at === 'string' ? new Date(at) : at).toISOString().replace('T', ' ').replace('Z', ' UTC')

export const distance = (meters: number): string =>
  meters < 950
    ? `${Math.round(meters / 10) * 10} m`
    : `${numberFormat({ maximumFractionDigits: 1 }).format(meters / 1000)} km`

/** A country's name from its code. */
export const countryName = (code: string): string => {
  try {
    return displayNames({ type: 'region' }).of(code) ?? code
  } catch {
    return code
  }
}

/** The name of a participant or merchant without the remark that it is invented. */
export const shortName = (name: string): string => name.replace(/ ?[(（](invented|demo|示例|見本)[)）]$/, '')

interface MerchantNames {
  readonly name: string
  readonly localName: string | null
}

/** The name of a merchant: in Chinese characters for a reader of Chinese, where it has one. */
export const merchantName = ({ name, localName }: MerchantNames): string =>
  settings.language === 'zh' && localName && /\p{Script=Han}/u.test(localName)
    ? shortName(localName)
    : shortName(name)

/** The name of a city from its name in English. */
export const cityName = (name: string): string =>
  settings.words.names.cities.get(name.replaceAll('’', "'")) ?? name

export const categoryName = ({
  code,
  description,
}: {
  readonly code: string
  readonly description: string
}): string => settings.words.names.categories.get(code) ?? description

/** What a problem code means, in the viewer's language; otherwise the sentence of the hub. */
export const problemText = (code: string, message: string): string =>
  settings.words.names.problems.get(code) ?? message

export const reasonText = ({ code, message }: { readonly code: string; readonly message: string }): string =>
  settings.words.names.reasons.get(code) ?? message
