// From a scanned text to a price, through the whole graph: a code is priced at exactly what it states, or
// refused.

import * as fc from 'fast-check'
import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { decodeMpm, encodeFields } from '../../../schema/qr/index.ts'
import { digitsOf, type Currency } from '../../../schema/values/currency.ts'
import { formatAmount, money } from '../../../schema/values/money.ts'
import { anAccount, aPayload } from '../../fixtures/a-printed-code.ts'
import { aScanningHub, demoIin, type ScanningHub } from '../../fixtures/a-scanning-hub.ts'
import { asViewer } from '../../fixtures/as-viewer.ts'
import { freshDatabase } from '../../harness/mongo.ts'

interface MoneyText {
  readonly amount: string
  readonly currency: string
}

interface PayerInput {
  readonly amount?: MoneyText
  readonly tip?: MoneyText
  readonly side?: 'FIXED_MERCHANT' | 'FIXED_PAYER'
}

interface FieldQuote {
  readonly id: string
  readonly what: string
  readonly payload: string
  readonly input: PayerInput
  /** The merchant's amount, the code of the problem, or REFUSE for any problem. */
  readonly expected: string
}

const fieldQuotes: readonly FieldQuote[] = JSON.parse(
  readFileSync(new URL('field-quotes.json', import.meta.url), 'utf8'),
)

const { db } = await freshDatabase()
const wallet = asViewer('wallet-sg-01', 'payments:read', 'payments:write')
const acquirer = asViewer('acquirer-cn-01', 'merchants:write')
let hub: ScanningHub
beforeAll(async () => {
  hub = await aScanningHub(db, ['JPY', 'KWD', 'THB'])
})
afterAll(() => hub.close())

const quoteDocument = `mutation ($input: QuotePaymentInput!) { quotePayment(input: $input) {
  __typename ... on Quote { merchantAmount { amount currency } } ... on Problem { code message path } } }`
const submitDocument = `mutation ($input: SubmitPaymentInput!) { submitPayment(input: $input) {
  __typename ... on PaymentReceipt { payment { merchantAmount { amount currency } } } ... on Problem { code message path } } }`
const decodeDocument = `query ($payload: String!, $profile: QrProfile) { decodeQr(payload: $payload, profile: $profile) {
  __typename
  ... on QrCode { currency amount { amount currency } merchant { id } warnings { tag } unreadable { tag } }
  ... on Problem { code message } } }`
const issueDocument = `mutation ($input: IssueCodeInput!) { issueCode(input: $input) { ... on MerchantCode { payload } } }`

const decode = (payload: string, profile = 'LENIENT') => hub.ask(decodeDocument, { payload, profile }, wallet)
const quote = (payload: string, input: PayerInput = {}) =>
  hub.ask(quoteDocument, { input: { payload, payerCurrency: 'SGD', ...input } }, wallet)

let numbers = 0
const submit = (payload: string, amount?: MoneyText) => {
  const key = `key ${++numbers}`
  return hub.ask(submitDocument, { input: { idempotencyKey: key, reference: key, payload, amount } }, wallet)
}

/** The result as in the cases: "10.50 CNY", or the code of the problem. */
// eslint-disable-next-line typescript/no-explicit-any
const resultOf = ({ code, merchantAmount, payment }: any): string => {
  if (code) return code
  const { amount, currency } = merchantAmount ?? payment.merchantAmount
  return `${amount} ${currency}`
}

const cny = (amount: string): MoneyText => ({ amount, currency: 'CNY' })
/** A code of a shop of the hub; `fields` replaces fields by tag. */
const aCode = (fields: Readonly<Record<string, string | undefined>>, shop = 'M000001'): string =>
  aPayload({ '15': anAccount(shop, demoIin), ...fields })

describe('codes of the field', () => {
  test.each(fieldQuotes)('$id: $what is $expected', async ({ payload, input, expected }) => {
    const results = [resultOf(await quote(payload, input))]
    if (!input.tip) results.push(resultOf(await submit(payload, input.amount)))
    expect(new Set(results).size).toBe(1)
    if (expected === 'REFUSE') expect(results[0]).toMatch(/^(QR_INVALID|WRONG_CURRENCY)$/)
    else expect(results[0]).toBe(expected)
  })

  test('a dynamic code of the hub with another amount and a new checksum is unknown', async () => {
    const input = {
      idempotencyKey: 'altered',
      merchant: 'acquirer-cn-01.M000001',
      kind: 'DYNAMIC',
      amount: cny('260'),
    }
    const { payload } = await hub.ask(issueDocument, { input }, acquirer)
    expect(resultOf(await quote(payload))).toBe('260.00 CNY')
    const altered = decodeMpm(payload, 'STRICT').fields.map((field) =>
      field.tag === '54' ? { tag: '54', value: '2.60' } : field,
    )
    expect(resultOf(await quote(encodeFields(altered)))).toBe('CODE_UNKNOWN')
    expect(resultOf(await quote(encodeFields(altered), { amount: cny('2.60') }))).toBe('CODE_UNKNOWN')
  })
})

describe('what cannot be read exactly', () => {
  const inexact: readonly { fields: Record<string, string | undefined>; tag: string }[] = [
    { fields: { '54': '10.005' }, tag: '54' },
    { fields: { '54': '1,000' }, tag: '54' },
    { fields: { '54': '-5' }, tag: '54' },
    { fields: { '54': '+5' }, tag: '54' },
    { fields: { '54': ' 5' }, tag: '54' },
    { fields: { '54': '1e3' }, tag: '54' },
    { fields: { '54': '١٠' }, tag: '54' },
    { fields: { '54': '.' }, tag: '54' },
    { fields: { '54': '99999999999999.99' }, tag: '54' },
    { fields: { '53': undefined, '54': '10.00' }, tag: '53' },
    { fields: { '53': '999', '54': '10.00' }, tag: '53' },
    { fields: { '53': '999' }, tag: '53' },
    { fields: { '55': '02' }, tag: '56' },
    { fields: { '55': '02', '56': '1,00' }, tag: '56' },
    { fields: { '55': '02', '56': '1.005' }, tag: '56' },
    { fields: { '53': undefined, '55': '02', '56': '1.00' }, tag: '53' },
    { fields: { '55': '03' }, tag: '57' },
    { fields: { '55': '03', '57': '0.00' }, tag: '57' },
    { fields: { '55': '03', '57': '100' }, tag: '57' },
    { fields: { '55': '03', '57': '5%' }, tag: '57' },
    { fields: { '55': '04' }, tag: '55' },
    { fields: { '56': '1.00' }, tag: '56' },
    { fields: { '55': '01', '57': '5' }, tag: '57' },
  ]

  test.each(inexact)(
    '$fields is refused with tag $tag, whatever the payer gives',
    async ({ fields, tag }) => {
      const payload = aCode(fields)
      const fixedPayer = { side: 'FIXED_PAYER', amount: { amount: '5', currency: 'SGD' } } as const
      const refused = {
        code: 'QR_INVALID',
        message: expect.stringContaining(`field ${tag} `),
        path: ['input', 'payload'],
      }
      for (const input of [{}, { amount: cny('5') }, { amount: cny('5'), tip: cny('1') }, fixedPayer]) {
        expect(await quote(payload, input)).toMatchObject(refused)
      }
      expect(await submit(payload)).toMatchObject(refused)
      expect(await submit(payload, cny('5'))).toMatchObject(refused)
    },
  )

  test.each(inexact)('$fields is read with a warning of tag $tag', async ({ fields, tag }) => {
    const read = await decode(aCode(fields))
    expect(read).toMatchObject({ __typename: 'QrCode', merchant: { id: 'acquirer-cn-01.M000001' } })
    expect(read.unreadable).toContainEqual({ tag })
    expect(read.warnings).toContainEqual({ tag })
  })

  test('is never lost under STRICT', async () => {
    for (const { fields, tag } of inexact) {
      const read = await decode(aCode({ ...fields, '01': '11' }), 'STRICT')
      if (read.__typename === 'QrCode') expect(read.warnings).toContainEqual({ tag })
      else expect(read.code).toBe('QR_INVALID')
    }
  })
})

describe('a code in another currency than its merchant’s', () => {
  test.each([
    { what: 'baht with the minor units of the payer’s yuan', fields: { '53': '764', '54': '5.00' } },
    { what: 'yen with the minor units of the payer’s yuan', fields: { '53': '392', '54': '500' } },
    { what: 'rupiah', fields: { '53': '360', '54': '260.00' } },
    { what: 'a currency that the hub does not support', fields: { '53': '928', '54': '260.00' } },
    { what: 'no amount', fields: { '53': '764' } },
    { what: 'no amount, in an unsupported currency', fields: { '53': '928' } },
    { what: 'letters', fields: { '53': 'THB', '54': '5.00' } },
    { what: 'a fixed fee', fields: { '53': '764', '55': '02', '56': '1.00' } },
    { what: 'a percentage', fields: { '53': '764', '55': '03', '57': '5' } },
    { what: 'a tip that the payer chooses', fields: { '53': '764', '55': '01' } },
  ])('is refused: $what', async ({ fields }) => {
    const payload = aCode(fields)
    const inputs: readonly PayerInput[] = [
      {},
      { amount: cny('5.00') },
      { amount: { amount: '5.00', currency: 'THB' } },
      { amount: cny('5.00'), tip: cny('1.00') },
      { side: 'FIXED_PAYER', amount: { amount: '5.00', currency: 'SGD' } },
    ]
    for (const input of inputs) {
      expect(await quote(payload, input)).toMatchObject({
        code: 'WRONG_CURRENCY',
        message: expect.stringContaining('field 53 '),
        path: ['input', 'payload'],
      })
    }
    expect(resultOf(await submit(payload, cny('5.00')))).toBe('WRONG_CURRENCY')
  })
})

describe('any code and any payer', () => {
  const numbersOf: Readonly<Record<string, string>> = { CNY: '156', JPY: '392', KWD: '414', THB: '764' }
  const shops = ['CNY', 'JPY', 'KWD', 'THB'] as const

  const anyFraction = fc.stringMatching(/^\.[0-9]{1,4}$/)

  /** Decimal text with up to four digits after the point, also ".5" and "5.". */
  const decimal = fc
    .record({
      whole: fc.oneof(fc.constant(''), fc.integer({ min: 0, max: 2_000 }).map(String)),
      fraction: fc.oneof(fc.constantFrom('', '.', '.0', '.00', '.5', '.50', '.000'), anyFraction),
    })
    .map(({ whole, fraction }) => whole + fraction)
    .filter((text) => /\d/.test(text))
  const unreadable = fc.constantFrom('1,000', '-5', '+5', '1e3', '5.0.0', 'five', '5 ', '0x10', '.')
  const amountText = fc.oneof(
    { weight: 4, arbitrary: fc.integer({ min: 0, max: 2_000 }).map(String) },
    { weight: 4, arbitrary: decimal },
    { weight: 1, arbitrary: unreadable },
  )
  const percentText = fc.oneof(
    fc.constantFrom('5', '12.5', '00.01', '99.99', '100', '0', '00.00', '150', '5%', '-1', '.5'),
    decimal,
  )
  const payerMoney = fc.record({
    text: fc.oneof(fc.integer({ min: 1, max: 2_000 }).map(String), decimal),
    currency: fc.constantFrom('OWN', 'OWN', 'OWN', 'OWN', 'CNY', 'JPY', 'KWD', 'THB'),
  })

  const cases = fc.record({
    shop: fc.constantFrom(...shops),
    currency: fc.oneof(
      { weight: 8, arbitrary: fc.constantFrom('OWN', 'OWN', 'own') },
      { weight: 2, arbitrary: fc.constantFrom('392', '764', '360', '928', '999', '12', 'USD', undefined) },
    ),
    amount: fc.option(amountText, { nil: undefined }),
    indicator: fc.constantFrom(undefined, undefined, '01', '02', '02', '03', '03', '04'),
    fee: fc.option(amountText, { nil: undefined, freq: 4 }),
    percent: fc.option(percentText, { nil: undefined, freq: 4 }),
    strays: fc.constantFrom(false, false, false, true),
    payerAmount: fc.oneof(fc.constant('SAME' as const), fc.constant(undefined), payerMoney),
    payerTip: fc.oneof(
      { weight: 3, arbitrary: fc.constant(undefined) },
      { weight: 1, arbitrary: fc.oneof(fc.constant('SAME' as const), payerMoney) },
    ),
    around: fc.constantFrom('', ' ', '\r\n', '\t'),
  })
  type Case = typeof cases extends fc.Arbitrary<infer Value> ? Value : never

  /** The fields of `one`, without the fees that its indicator does not name, unless it has strays. */
  function fieldsOf({ shop, currency, amount, indicator, fee, percent, strays }: Case) {
    const own = currency === 'OWN' ? numbersOf[shop] : currency === 'own' ? shop.toLowerCase() : currency
    return {
      '53': own,
      '54': amount,
      '55': indicator,
      '56': strays || indicator === '02' ? fee : undefined,
      '57': strays || indicator === '03' ? percent : undefined,
    }
  }

  /** Minor units of exact text; 0n for zero, null for anything else. */
  function exact(text: string, digits: number): bigint | null {
    const [, whole = '', fraction = ''] = /^(\d*)\.?(\d*)$/.exec(text) ?? []
    const needed = fraction.replace(/0+$/, '')
    if (whole + fraction === '' || needed.length > digits) return null
    return BigInt(whole + needed.padEnd(digits, '0'))
  }

  /** What the code states, in the shop's minor units; null when it states anything inexact or foreign. */
  function statedBy(one: Case): { amount: bigint; tip: (amount: bigint) => bigint | 'ANY' | 'NONE' } | null {
    const fields = fieldsOf(one)
    const digits = digitsOf(one.shop)
    const currency = fields['53']
    if (currency !== undefined && ![numbersOf[one.shop], one.shop.toLowerCase()].includes(currency))
      return null
    const amount = exact(fields['54'] ?? '0', digits)
    if (amount === null || (amount > 0n && currency === undefined)) return null
    const isNothing = (text: string | undefined) => text === undefined || /^(?=.*0)0*\.?0*$/.test(text)
    if (fields['55'] !== '02' && !isNothing(fields['56'])) return null
    if (fields['55'] !== '03' && !isNothing(fields['57'])) return null
    switch (fields['55']) {
      case undefined:
        return { amount, tip: () => 'NONE' }
      case '01':
        return { amount, tip: () => 'ANY' }
      case '02': {
        const fee = exact(fields['56'] ?? '?', digits)
        if (fee === null || (fee > 0n && currency === undefined)) return null
        return { amount, tip: () => (fee === 0n ? 'NONE' : fee) }
      }
      case '03': {
        const scale = 6
        const share = exact(fields['57'] ?? '?', scale)
        if (share === null || share < 10_000n || share > 99_990_000n) return null
        return { amount, tip: (on) => (on * share * 2n + 100_000_000n) / 200_000_000n }
      }
      default:
        return null
    }
  }

  /** The payer's input, and what of it counts in the shop's minor units; null for a foreign or bad amount. */
  function payerOf(one: Case, stated: ReturnType<typeof statedBy>) {
    const amount = payerText(one.payerAmount, one.shop, stated?.amount ?? 0n)
    const base = stated?.amount || amount.minor || 0n
    const tip = stated?.tip(base)
    const offered = payerText(one.payerTip, one.shop, typeof tip === 'bigint' ? tip : 0n)
    return { amount, offered, tip }
  }

  function payerText(given: Case['payerAmount'], shop: Currency, same: bigint) {
    if (given === undefined) return { input: undefined, minor: undefined }
    if (given === 'SAME') {
      return { input: { amount: formatAmount(money(same, shop)), currency: shop }, minor: same || null }
    }
    const input = { amount: given.text, currency: given.currency === 'OWN' ? shop : given.currency }
    const isPlain = /^\d+(\.\d+)?$/.test(given.text)
    const isShort = (given.text.split('.')[1] ?? '').length <= digitsOf(shop)
    const minor = exact(given.text, digitsOf(shop))
    return { input, minor: input.currency === shop && isPlain && isShort && minor ? minor : null }
  }

  /** The merchant's amount by the rules; null for a refusal. */
  function expectedOf(one: Case): bigint | null {
    const stated = statedBy(one)
    if (!stated) return null
    const { amount, offered, tip } = payerOf(one, stated)
    if (amount.minor === null || offered.minor === null) return null
    if (stated.amount > 0n && amount.minor !== undefined && amount.minor !== stated.amount) return null
    const base = stated.amount || amount.minor
    if (base === undefined) return null
    if (tip === 'NONE') return offered.minor === undefined ? base : null
    if (tip === 'ANY') return base + (offered.minor ?? 0n)
    return offered.minor === undefined || offered.minor === tip ? base + tip! : null
  }

  test('give the stated amount and tip exactly, or a refusal', async () => {
    let priced = 0
    await fc.assert(
      fc.asyncProperty(cases, async (one) => {
        const payload = one.around + aCode(fieldsOf(one), one.shop === 'CNY' ? 'M000001' : one.shop)
        const { amount, offered } = payerOf(one, statedBy(one))
        const result = await quote(payload + one.around, {
          ...(amount.input && { amount: amount.input }),
          ...(offered.input && { tip: offered.input }),
        })
        const expected = expectedOf(one)
        if (result.code) expect([result, expected]).toEqual([result, null])
        else expect(resultOf(result)).toBe(`${formatAmount(money(expected!, one.shop))} ${one.shop}`)
        if (!result.code) priced++
      }),
      { numRuns: 500 },
    )
    expect(priced).toBeGreaterThan(50)
  })
})
