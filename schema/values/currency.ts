// ISO 4217 currencies that the hub supports, with their minor-unit digits. `Intl` is wrong here: 0 for IDR
// and LAK.

const digits = {
  AED: 2, ARS: 2, AUD: 2, BDT: 2, BHD: 3, BND: 2, BRL: 2, CAD: 2, CHF: 2, CLP: 0, CNY: 2, COP: 2, EGP: 2, EUR: 2,
  GBP: 2, GEL: 2, HKD: 2, IDR: 2, INR: 2, JOD: 3, JPY: 0, KHR: 2, KRW: 0, KWD: 3, KZT: 2, LAK: 2, LKR: 2, MMK: 2,
  MNT: 2, MOP: 2, MXN: 2, MYR: 2, NOK: 2, NPR: 2, NZD: 2, OMR: 3, PAB: 2, PEN: 2, PHP: 2, PKR: 2, QAR: 2, RUB: 2,
  SAR: 2, SEK: 2, SGD: 2, THB: 2, TRY: 2, TWD: 2, USD: 2, UZS: 2, VND: 0, ZAR: 2,
} as const // prettier-ignore

export type Currency = keyof typeof digits

/** True for an ISO 4217 code in capitals that the hub supports. */
export const isCurrency = (code: string): code is Currency => Object.hasOwn(digits, code)

/** Digits after the point: CNY 2, JPY 0, KWD 3. Source: ISO 4217:2015, list one. */
export const digitsOf = (currency: Currency): number => digits[currency]

/** All supported currencies, in alphabetical order. */
export const currencies = Object.keys(digits) as Currency[]
