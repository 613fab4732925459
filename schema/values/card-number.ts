// Finds card numbers (PANs) in text, however they are written: no text of a client may hold one.
//
// A card number is 13–19 digits that pass the Luhn check (ISO/IEC 7812-1, annex B) and begin with the
// digits of a card issuer. It may be divided by up to three characters that are no letters, and its digits
// may be those of any script. What is only similar is left: a number of twenty digits or more, as wallets
// number their payments; a number within a UUID; and a number that passes the check, but is of no issuer.

/** The beginnings of card numbers, with the lengths that their issuers use. */
const issuers: readonly {
  readonly from: number
  readonly to: number
  readonly lengths: readonly number[]
}[] = [
  // Visa
  { from: 4, to: 4, lengths: [13, 16, 19] },
  // Mastercard
  { from: 51, to: 55, lengths: [16] },
  { from: 2221, to: 2720, lengths: [16] },
  // American Express
  { from: 34, to: 34, lengths: [15] },
  { from: 37, to: 37, lengths: [15] },
  // Diners Club
  { from: 300, to: 305, lengths: [14, 16, 17, 18, 19] },
  { from: 309, to: 309, lengths: [14, 16, 17, 18, 19] },
  { from: 36, to: 36, lengths: [14, 15, 16, 17, 18, 19] },
  { from: 38, to: 39, lengths: [14, 16, 17, 18, 19] },
  // JCB
  { from: 3528, to: 3589, lengths: [16, 17, 18, 19] },
  // UnionPay
  { from: 62, to: 62, lengths: [16, 17, 18, 19] },
  { from: 81, to: 81, lengths: [16, 17, 18, 19] },
  // Discover
  { from: 6011, to: 6011, lengths: [16, 17, 18, 19] },
  { from: 644, to: 659, lengths: [16, 17, 18, 19] },
  // RuPay
  { from: 508, to: 508, lengths: [16] },
  { from: 60, to: 60, lengths: [16] },
  { from: 82, to: 82, lengths: [16] },
  // Mir
  { from: 2200, to: 2204, lengths: [16, 17, 18, 19] },
  // Maestro
  { from: 5018, to: 5038, lengths: [13, 14, 15, 16, 17, 18, 19] },
  { from: 5893, to: 5893, lengths: [13, 14, 15, 16, 17, 18, 19] },
  { from: 6304, to: 6304, lengths: [13, 14, 15, 16, 17, 18, 19] },
  { from: 6759, to: 6763, lengths: [13, 14, 15, 16, 17, 18, 19] },
]

const digitsMin = 13
const digitsMax = 19
/** Characters between two digits of one number, at most. */
const separatorsMax = 3

/** True when `text` holds a card number. */
export const holdsCardNumber = (text: string): boolean => holdsNumber(text, isOfIssuer)

/** True when `text` holds digits that pass the check of card numbers, of whatever issuer. */
export const mayBeCardNumber = (text: string): boolean => holdsNumber(text, () => true)

type IsIssued = (digits: readonly number[], start: number, length: number) => boolean

function holdsNumber(text: string, isIssued: IsIssued): boolean {
  if (text.length < digitsMin || countDigits(text) < digitsMin || isOpaque(text)) return false
  return new DigitReader(isIssued).find(isAscii(text) ? text : plainText(text))
}

/** ASCII digits; every other character counts as one, if the text has any. */
function countDigits(text: string): number {
  let count = 0
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if ((code >= zero && code <= nine) || code > 127) count++
  }
  return count
}

const zero = 48
const nine = 57

// oxlint-disable-next-line no-control-regex
const isAscii = (text: string): boolean => /^[\0-\x7f]*$/.test(text)

/**
 * True for a UUID in its usual form and for a hash in hexadecimal, in which digits mean nothing. One with
 * almost no letters is searched: no generator makes those.
 */
const isOpaque = (text: string): boolean =>
  (text.length === 36 && uuid.test(text) && /[a-f][^a-f]*[a-f]/i.test(text)) ||
  (text.length >= 32 && /^[\da-f]{32,128}$/i.test(text) && /(?:[a-f]\d*){8}/i.test(text))

const uuid = /^[\da-f]{8}-[\da-f]{4}-[1-8][\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/i

/** Compatible forms as their plain ones, any script’s digits as ASCII, and no characters without a width. */
const plainText = (text: string): string =>
  text
    .normalize('NFKC')
    .replace(/[\p{Cf}\p{Mn}\p{Me}]/gu, '')
    .replace(/\p{Nd}/gu, valueOfDigit)

/** The digits of a script are ten neighbours, and zero is the first of them (Unicode, section 4.6). */
function valueOfDigit(digit: string): string {
  const code = digit.codePointAt(0)!
  if (code <= 127) return digit
  let first = code
  while (code - first < 9 && /^\p{Nd}$/u.test(String.fromCodePoint(first - 1))) first--
  // Mathematical digits follow each other without a gap; NFKC has replaced those.
  return String(code - first)
}

/** Reads sequences of digits with few other characters between them. */
class DigitReader {
  readonly #isIssued: IsIssued
  #digits: number[] = []
  /** Where a group of undivided digits begins, and the end of the last one. */
  #bounds: number[] = []

  constructor(isIssued: IsIssued) {
    this.#isIssued = isIssued
  }

  find(text: string): boolean {
    let separators = separatorsMax + 1
    for (let at = 0; at < text.length; at++) {
      const code = text.charCodeAt(at)
      if (code >= zero && code <= nine) {
        if (separators > separatorsMax && this.#endsWithCard()) return true
        if (separators > 0) this.#bounds.push(this.#digits.length)
        this.#digits.push(code - zero)
        separators = 0
      } else separators = isLetter(code) ? separatorsMax + 1 : separators + 1
    }
    return this.#endsWithCard()
  }

  /** Whether whole groups of the sequence make a card number; begins the next sequence. */
  #endsWithCard(): boolean {
    const digits = this.#digits
    const bounds = [...this.#bounds, digits.length]
    this.#digits = []
    this.#bounds = []
    if (digits.length < digitsMin) return false
    const sums = luhnSums(digits)
    for (let first = 0; first < bounds.length - 1; first++) {
      const start = bounds[first]!
      for (let last = first + 1; last < bounds.length && bounds[last]! - start <= digitsMax; last++) {
        const length = bounds[last]! - start
        if (length >= digitsMin && passes(sums, start, length) && this.#isIssued(digits, start, length))
          return true
      }
    }
    return false
  }
}

const isLetter = (code: number): boolean => {
  if (code > 127) return /\p{L}/u.test(String.fromCharCode(code))
  const lower = code | 32
  return lower >= 97 && lower <= 122
}

/** Sums of the first n digits, with those at even places doubled, and with those at odd places. */
interface LuhnSums {
  readonly even: readonly number[]
  readonly odd: readonly number[]
}

function luhnSums(digits: readonly number[]): LuhnSums {
  const even = [0]
  const odd = [0]
  for (const [at, digit] of digits.entries()) {
    const doubled = digit > 4 ? 2 * digit - 9 : 2 * digit
    even.push(even[at]! + (at % 2 === 0 ? doubled : digit))
    odd.push(odd[at]! + (at % 2 === 0 ? digit : doubled))
  }
  return { even, odd }
}

/** The last digit counts once, the one before it twice, and so on. */
function passes({ even, odd }: LuhnSums, start: number, length: number): boolean {
  const end = start + length
  const sums = end % 2 === 0 ? even : odd
  return (sums[end]! - sums[start]!) % 10 === 0
}

function isOfIssuer(digits: readonly number[], start: number, length: number): boolean {
  return issuers.some(({ from, to, lengths }) => {
    const size = from < 10 ? 1 : from < 100 ? 2 : from < 1000 ? 3 : 4
    let prefix = 0
    for (let at = start; at < start + size; at++) prefix = prefix * 10 + digits[at]!
    return prefix >= from && prefix <= to && lengths.includes(length)
  })
}
