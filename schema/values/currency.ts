// ISO 4217 currencies that the hub supports.

import { currencyDigits } from '../qr/currency.ts'

const supported = [
  'AED', 'ARS', 'AUD', 'BDT', 'BHD', 'BND', 'BRL', 'CAD', 'CHF', 'CLP', 'CNY', 'COP', 'EGP', 'EUR', 'GBP', 'GEL', 'HKD',
  'IDR', 'INR', 'JOD', 'JPY', 'KHR', 'KRW', 'KWD', 'KZT', 'LAK', 'LKR', 'MMK', 'MNT', 'MOP', 'MXN', 'MYR', 'NOK', 'NPR',
  'NZD', 'OMR', 'PAB', 'PEN', 'PHP', 'PKR', 'QAR', 'RUB', 'SAR', 'SEK', 'SGD', 'THB', 'TRY', 'TWD', 'USD', 'UZS', 'VND',
  'ZAR',
] as const // prettier-ignore

export type Currency = (typeof supported)[number]

const digits = Object.fromEntries(supported.map((code) => [code, currencyDigits(code)])) as Record<
  Currency,
  number
>

/** True for an ISO 4217 code in capitals that the hub supports. */
export const isCurrency = (code: string): code is Currency => Object.hasOwn(digits, code)

/** Digits after the point: CNY 2, JPY 0, KWD 3. Source: ISO 4217:2015, list one. */
export const digitsOf = (currency: Currency): number => digits[currency]

/** All supported currencies, in alphabetical order. */
export const currencies: readonly Currency[] = supported
