import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { decodeMpm, encodeMpm, QrError } from '../../../schema/qr/index.ts'
import type { MpmCode, QrProfile } from '../../../schema/qr/index.ts'
import { bodyOf, fieldsOf, sealed } from '../../fixtures/a-code.ts'

interface Case {
  readonly scheme: string
  readonly issues: readonly string[]
  readonly strict: boolean
  readonly payload: string
  readonly valid: boolean
}

const cases: readonly Case[] = JSON.parse(readFileSync(new URL('qr-cases.json', import.meta.url), 'utf8'))
const rows = cases.map((each, index) => ({ ...each, name: `${index} ${each.scheme}` }))

/** What `decodeMpm` throws. */
function refusal(payload: string, profile: QrProfile): QrError {
  try {
    decodeMpm(payload, profile)
  } catch (error) {
    if (error instanceof QrError) return error
    throw error
  }
  throw new Error(`${profile} read ${payload}`)
}

// One code that is not strict in the list has no fault left: its checksum was wrong and has been set right.
const mended = ({ strict, valid, issues, scheme }: Case) =>
  valid && !strict && issues.length === 0 && scheme !== 'Colombia'

const warningsOf = (code: MpmCode) => code.warnings.map(({ code: fault, tag }) => `${fault}:${tag}`)

describe('codes from the field', () => {
  test.each(rows.filter(({ valid }) => !valid))('$name is refused for its checksum', ({ payload }) => {
    for (const profile of ['STRICT', 'LENIENT'] as const) {
      expect(refusal(payload, profile)).toMatchObject({
        code: 'CRC_MISMATCH',
        tag: '63',
        offset: payload.length - 8,
      })
    }
  })

  test.each(rows.filter(({ valid }) => valid))(
    '$name is read, and what deviates is listed',
    ({ payload, issues, scheme }) => {
      const code = decodeMpm(payload, 'LENIENT')
      const missing = issues.map((issue) => issue.replace('MISSING:', 'MISSING_TAG:'))
      expect(warningsOf(code)).toEqual(scheme === 'Colombia' ? ['BAD_VALUE:56'] : missing)
      expect(code.scheme).toBe(scheme === 'Colombia' ? 'Redeban' : scheme.replace(/ \(..\)$/, ''))
    },
  )

  test.each(rows.filter((row) => row.valid && (row.strict || mended(row))))(
    '$name is strictly valid, and written again just as it was',
    ({ payload }) => {
      const code = decodeMpm(payload, 'STRICT')
      expect(code.warnings).toEqual([])
      expect(encodeMpm(code)).toBe(payload)
    },
  )

  test.each(rows.filter((row) => row.valid && !row.strict && !mended(row)))(
    '$name is refused by the strict profile, for what the lenient one warns of first',
    ({ payload }) => {
      const [first] = decodeMpm(payload, 'LENIENT').warnings
      expect(refusal(payload, 'STRICT')).toMatchObject({ ...first })
    },
  )
})

describe('codes from specifications', () => {
  test('EMVCo: the sample of the Merchant-Presented Mode specification', () => {
    const code = decodeMpm(
      '00020101021229300012D156000000000510A93FO3230Q31280012D15600000001030812345678520441115802CN' +
        '5914BEST TRANSPORT6007BEIJING64200002ZH0104最佳运输0202北京540523.7253031565502016233030412340603***' +
        '0708A60086670902ME91320016A0112233449988770708123456786304A13A',
      'STRICT',
    )
    expect(code).toMatchObject({
      payloadFormat: '01',
      pointOfInitiation: 'DYNAMIC',
      scheme: null,
      unionPay: null,
      mcc: '4111',
      currency: 'CNY',
      currencyNumeric: '156',
      amount: '23.72',
      tip: { kind: 'PROMPT', value: null },
      country: 'CN',
      merchantName: 'BEST TRANSPORT',
      merchantCity: 'BEIJING',
      postalCode: null,
      local: { language: 'ZH', name: '最佳运输', city: '北京' },
      additionalData: {
        storeLabel: '1234',
        customerLabel: '***',
        terminalLabel: 'A6008667',
        consumerDataRequest: 'ME',
      },
      warnings: [],
    })
    expect(
      code.merchantAccounts.map(({ tag, kind, guid, fields }) => [tag, kind, guid, fields[1]?.value]),
    ).toEqual([
      ['29', 'TEMPLATE', 'D15600000000', 'A93FO3230Q'],
      ['31', 'TEMPLATE', 'D15600000001', '12345678'],
    ])
    expect(code.unreserved.map(({ tag, guid }) => [tag, guid])).toEqual([['91', 'A011223344998877']])
    expect(code.fields.map(({ tag, offset }) => [tag, offset]).slice(8, 11)).toEqual([
      ['64', 121],
      ['54', 145], // Chinese characters count as one each
      ['53', 154],
    ])
  })

  test('JPQR: a sample of the go-emv-code library by Mercari', () => {
    const code = decodeMpm(
      '0002016003xxx01021129300012D156000000000510A93FO3230Q31280012D1560000000103081234567826680019jp.or.paymentsjapan' +
        '01130000000000001020400010306000001040600000153033925903xxx64180002JA0108メルペイ カフェ520441115802JP' +
        '610710661436304DEE9',
      'STRICT',
    )
    expect(code).toMatchObject({
      scheme: 'JPQR',
      currency: 'JPY',
      local: { name: 'メルペイ カフェ', city: null },
    })
  })
})

describe('the account of UnionPay', () => {
  test('is three numbers in tag 15, the last one padded with spaces', () => {
    const payload = sealed(bodyOf({ '15': '0001000000010344MERCHANT7      ' }))
    expect(decodeMpm(payload, 'STRICT')).toMatchObject({
      scheme: 'UnionPay',
      unionPay: { acquirerIin: '00010000', forwardingIin: '00010344', merchantId: 'MERCHANT7' },
    })
  })

  test('is null when tag 15 has another layout', () => {
    expect(decodeMpm(sealed(bodyOf({ '15': '0001000000010344' })), 'STRICT').unionPay).toBeNull()
  })
})

describe('schemes', () => {
  test.each([
    [
      'SGQR counts more than the schemes that it gathers',
      { '26': '0009SG.PAYNOW', '51': '0007SG.SGQR' },
      'SGQR',
    ],
    ['an identifier may be in any case', { '26': '0014BR.GOV.BCB.PIX' }, 'PIX'],
    ['a longer identifier of the same scheme', { '29': '0016A000000677010112' }, 'PromptPay'],
    ['a national identifier counts more than UnionPay’s tag', { '38': '0010A000000727' }, 'VietQR'],
    ['the only tag of UnionPay, wherever the shop is', { '58': 'LK' }, 'UnionPay'],
    ['the country, when the account is unknown', { '15': null, '26': '0008com.bank', '58': 'LK' }, 'LankaQR'],
    ['a card before the country', { '26': '0008com.bank', '58': 'KH' }, 'UnionPay'],
    ['an identifier before a card', { '26': '0011fonepay.com', '58': 'NP' }, 'Fonepay'],
    [
      'a national scheme before a wallet',
      { '49': '0010com.alipay', '31': '0022NCHL00010001O000012181' },
      'NepalPay',
    ],
    ['a Bakong account', { '29': '0015john_smith@devb', '58': 'KH' }, 'KHQR'],
    ['the digits of LankaQR', { '26': '00281672800058120000000084980002', '58': 'LK' }, 'LankaQR'],
    ['the UUID of Raast', { '28': '003213bb98ea283b452b9d979bf570fc49ed', '58': 'PK' }, 'Raast'],
    ['an institution in Argentina', { '43': '0016com.mercadolibre', '58': 'AR' }, 'Transferencias 3.0'],
    ['UPI alone', { '15': null, '26': '0010A000000524', '58': 'IN' }, 'UPI'],
    ['UPI beside a card', { '26': '0010A000000524', '58': 'IN' }, 'BharatQR'],
    ['cards in India', { '02': '4403840000000018', '06': '6100030000000010', '58': 'IN' }, 'BharatQR'],
    [
      'a payment key of Bre-B in a network',
      { '26': '0014CO.COM.RBM.LLA', '49': '0014CO.COM.RBM.RED' },
      'Bre-B',
    ],
    [
      'the scheme of the shop’s country',
      { '26': '0010A000000677', '30': '0014BR.GOV.BCB.PIX', '58': 'BR' },
      'PIX',
    ],
    ['a provider of card applications', { '15': null, '26': '0016A000000333010101' }, 'UnionPay'],
    ['several cards', { '02': '4000000000002', '04': '5412345678901234', '15': null }, 'Mastercard'],
    ['a card scheme by its tag', { '15': null, '04': '5412345678901234' }, 'Mastercard'],
    ['nothing known', { '15': null, '26': '0008com.shop' }, null],
  ] as const)('%s', (_, change, scheme) => {
    expect(decodeMpm(sealed(bodyOf(change)), 'STRICT').scheme).toBe(scheme)
  })
})

describe('a deviation is refused under STRICT, and under LENIENT a warning', () => {
  test.each<{ when: string; body: string; warnings: string[]; reads?: object }>([
    {
      when: 'format 02, as DuitNow has',
      body: bodyOf({ '00': '02' }),
      warnings: ['BAD_VALUE:00'],
      reads: { payloadFormat: '02' },
    },
    { when: 'no format', body: bodyOf({ '00': null }), warnings: ['MISSING_TAG:00'] },
    {
      when: 'format in second place',
      body: fieldsOf(['01', '11']) + bodyOf({ '01': null }),
      warnings: ['MISPLACED_TAG:00'],
      reads: { pointOfInitiation: 'STATIC' },
    },
    {
      when: 'unknown point of initiation',
      body: bodyOf({ '01': '13' }),
      warnings: ['BAD_VALUE:01'],
      reads: { pointOfInitiation: null },
    },
    {
      when: 'no currency',
      body: bodyOf({ '53': null }),
      warnings: ['MISSING_TAG:53'],
      reads: { currency: null },
    },
    {
      when: 'currency in letters',
      body: bodyOf({ '53': 'THB' }),
      warnings: ['BAD_VALUE:53'],
      reads: { currency: 'THB', currencyNumeric: '764' },
    },
    {
      when: 'currency that is none',
      body: bodyOf({ '53': '000' }),
      warnings: ['BAD_VALUE:53'],
      reads: { currency: null, currencyNumeric: '000' },
    },
    {
      when: 'country in small letters',
      body: bodyOf({ '58': 'th' }),
      warnings: ['BAD_VALUE:58'],
      reads: { country: 'TH' },
    },
    {
      when: 'country that is none',
      body: bodyOf({ '58': 'XX' }),
      warnings: ['BAD_VALUE:58'],
      reads: { country: null },
    },
    {
      when: 'category of three digits',
      body: bodyOf({ '52': '581' }),
      warnings: ['BAD_LENGTH:52'],
      reads: { mcc: null },
    },
    { when: 'no merchant account', body: bodyOf({ '15': null }), warnings: ['MISSING_TAG:null'] },
    {
      when: 'name of 26 characters',
      body: bodyOf({ '59': 'abcdefghijklmnopqrstuvwxyz' }),
      warnings: ['TOO_LONG:59'],
      reads: { merchantName: 'abcdefghijklmnopqrstuvwxyz' },
    },
    {
      when: 'name in Khmer',
      body: bodyOf({ '59': 'ហាងតែ' }),
      warnings: ['BAD_VALUE:59'],
      reads: { merchantName: 'ហាងតែ' },
    },
    {
      when: 'empty name',
      body: bodyOf({ '59': '' }),
      warnings: ['BAD_LENGTH:59'],
      reads: { merchantName: null },
    },
    {
      when: 'amount of zero',
      body: bodyOf({ '54': '0.00' }),
      warnings: ['BAD_VALUE:54'],
      reads: { amount: null },
    },
    {
      when: 'amount without whole part',
      body: bodyOf({ '54': '.5' }),
      warnings: ['BAD_VALUE:54'],
      reads: { amount: '0.5' },
    },
    {
      when: 'amount with a thousands separator',
      body: bodyOf({ '54': '1,000' }),
      warnings: ['BAD_VALUE:54'],
      reads: { amount: null },
    },
    {
      when: 'amount with two points',
      body: bodyOf({ '54': '1.0.0' }),
      warnings: ['BAD_VALUE:54'],
      reads: { amount: null },
    },
    {
      when: 'negative amount',
      body: bodyOf({ '54': '-5' }),
      warnings: ['BAD_VALUE:54'],
      reads: { amount: null },
    },
    {
      when: 'empty amount',
      body: bodyOf({ '54': '' }),
      warnings: ['BAD_LENGTH:54'],
      reads: { amount: null },
    },
    {
      when: 'amount of 14 characters',
      body: bodyOf({ '54': '12345678901.00' }),
      warnings: ['TOO_LONG:54'],
      reads: { amount: '12345678901.00' },
    },
    {
      when: 'fixed fee without its value',
      body: bodyOf({ '55': '02' }),
      warnings: ['MISSING_TAG:56'],
      reads: { tip: null },
    },
    {
      when: 'fixed fee of zero',
      body: bodyOf({ '55': '02', '56': '0' }),
      warnings: ['BAD_VALUE:56'],
      reads: { tip: null },
    },
    {
      when: 'fee without indicator',
      body: bodyOf({ '56': '1' }),
      warnings: ['UNEXPECTED_TAG:56'],
      reads: { tip: null },
    },
    {
      when: 'percentage of a hundred',
      body: bodyOf({ '55': '03', '57': '100' }),
      warnings: ['BAD_VALUE:57'],
      reads: { tip: null },
    },
    {
      when: 'both fees',
      body: bodyOf({ '55': '03', '56': '1', '57': '5' }),
      warnings: ['UNEXPECTED_TAG:56'],
      reads: { tip: { kind: 'PERCENT', value: '5' } },
    },
    {
      when: 'tip of an unknown kind',
      body: bodyOf({ '55': '09' }),
      warnings: ['BAD_VALUE:55'],
      reads: { tip: null },
    },
    {
      when: 'text where Argentina has templates',
      body: bodyOf({ '43': 'Pago facil' }),
      warnings: ['NOT_A_TEMPLATE:43'],
      reads: {
        merchantAccounts: [
          { tag: '15' },
          { tag: '43', kind: 'PRIMITIVE', guid: null, value: 'Pago facil', fields: [] },
        ],
      },
    },
    {
      when: 'template without identifier',
      body: bodyOf({ '26': '0103ABC' }),
      warnings: ['MISSING_TAG:26.00'],
    },
    {
      when: 'language without name',
      body: bodyOf({ '64': '0002km' }),
      warnings: ['MISSING_TAG:64.01'],
      reads: { local: { language: 'km', name: null } },
    },
    {
      when: 'label of 26 characters',
      body: bodyOf({ '62': `0126${'7'.repeat(26)}` }),
      warnings: ['TOO_LONG:62.01'],
    },
    {
      when: 'request for the same data twice',
      body: bodyOf({ '62': '0902AA' }),
      warnings: ['BAD_VALUE:62.09'],
    },
    {
      when: 'the same id twice',
      body: `${bodyOf()}5908SOMEBODY`,
      warnings: ['DUPLICATE_TAG:59'],
      reads: { merchantName: 'LOTUS TEA HOUSE' },
    },
    {
      when: 'the same id twice in a template',
      body: bodyOf({ '62': '0101A0101B' }),
      warnings: ['DUPLICATE_TAG:62.01'],
      reads: { additionalData: { billNumber: 'A' } },
    },
    {
      when: 'an identifier straight in 62',
      body: bodyOf({ '62': '0004acme0501R' }),
      warnings: ['RESERVED_TAG:62.00'],
      reads: { additionalData: { referenceLabel: 'R' } },
    },
    {
      when: 'the first reserved id in 62',
      body: bodyOf({ '62': '1201x' }),
      warnings: ['RESERVED_TAG:62.12'],
    },
    { when: 'the last reserved id in 62', body: bodyOf({ '62': '4901x' }), warnings: ['RESERVED_TAG:62.49'] },
    {
      when: 'a reserved id in 64',
      body: bodyOf({ '64': '0002km0101x0301x' }),
      warnings: ['RESERVED_TAG:64.03'],
    },
    {
      when: 'a template in 62 without identifier',
      body: bodyOf({ '62': '50050101A' }),
      warnings: ['MISSING_TAG:62.50.00'],
    },
    {
      when: 'a template in 62 with an identifier of 33 characters',
      body: bodyOf({ '62': `99370033${'a'.repeat(33)}` }),
      warnings: ['TOO_LONG:62.99.00'],
    },
    {
      when: 'the same id twice in a template in 62',
      body: bodyOf({ '62': '60150001a0101b0101c' }),
      warnings: ['DUPLICATE_TAG:62.60.01'],
    },
    {
      when: 'a language that is a number',
      body: bodyOf({ '64': '0002120101x' }),
      warnings: ['BAD_VALUE:64.00'],
      reads: { local: { language: '12', name: 'x' } },
    },
    {
      when: 'currency in small letters',
      body: bodyOf({ '53': 'thb' }),
      warnings: ['BAD_VALUE:53'],
      reads: { currency: 'THB', currencyNumeric: '764' },
    },
    {
      when: 'half a surrogate pair',
      body: bodyOf({ '82': '0001x0101\uD83D' }),
      warnings: ['BAD_VALUE:82.01', 'BAD_VALUE:82'],
    },
  ])('$when', ({ body, warnings, reads }) => {
    const payload = sealed(body)
    const code = decodeMpm(payload, 'LENIENT')
    expect(warningsOf(code).toSorted()).toEqual(warnings.toSorted())
    expect(code).toMatchObject(reads ?? {})
    expect(refusal(payload, 'STRICT')).toMatchObject({ ...code.warnings[0] })
  })

  test('with the thing, the value and the place in its message', () => {
    const { warnings } = decodeMpm(sealed(bodyOf({ '54': '1,000', '60': null })), 'LENIENT')
    expect(warnings).toEqual([
      {
        code: 'BAD_VALUE',
        tag: '54',
        offset: 62,
        message: 'field 54 (amount) "1,000" is not a plain decimal above zero (at character 62)',
      },
      {
        code: 'MISSING_TAG',
        tag: '60',
        offset: 104,
        message: 'field 60 (merchant city) is missing (at character 104)',
      },
    ])
  })

  test('and merchant accounts stay out of messages', () => {
    const { warnings } = decodeMpm(sealed(bodyOf({ '04': '5412 3456 7890 123é' })), 'LENIENT')
    expect(warnings.map(({ message }) => message)).toEqual([
      'field 04 (merchant account) is not printable ASCII (at character 12)',
    ])
  })

  test.each([
    ['a zero-width space', '\u200B'],
    ['a byte order mark', '\uFEFF'],
    ['a right-to-left mark', '\u200F'],
    ['an isolate', '\u2066'],
    ['a soft hyphen', '\u00AD'],
    ['a word joiner', '\u2060'],
    ['a variation selector', '\uFE0F'],
    ['a tag character outside the basic plane', '\u{E0020}'],
    ['NUL', '\0'],
    ['an escape', '\u001B'],
    ['several', ' \0\u200B\r\n'],
  ])('%s around the payload', (_, sign) => {
    const payload = sealed(bodyOf())
    for (const text of [sign + payload, payload + sign, sign + payload + sign]) {
      expect(decodeMpm(text, 'LENIENT')).toMatchObject({
        merchantName: 'LOTUS TEA HOUSE',
        warnings: [{ code: 'STRAY_SPACE', tag: null }],
      })
      expect(refusal(text, 'STRICT').code).toBe('STRAY_SPACE')
    }
  })

  test('in a list of at most 32, and one that counts the others', () => {
    const many = '0000'.repeat(400)
    const { warnings, unreadable } = decodeMpm(sealed(`${bodyOf()}${many}54041,00`), 'LENIENT')
    expect(warnings).toHaveLength(33)
    expect(warnings.at(-1)).toMatchObject({
      code: 'MORE_FAULTS',
      tag: null,
      message: expect.stringMatching(/^\d+ more deviations are not listed/),
    })
    expect(unreadable).toMatchObject([{ tag: '54' }])
    expect(warnings).toContainEqual(expect.objectContaining({ code: 'BAD_VALUE', tag: '54' }))
  })

  test('white space around the payload', () => {
    const payload = sealed(bodyOf())
    expect(decodeMpm(`${payload}\r\n`, 'LENIENT').warnings).toMatchObject([
      { code: 'STRAY_SPACE', offset: payload.length },
    ])
    const code = decodeMpm(`\uFEFF ${payload}`, 'LENIENT')
    expect(code).toMatchObject({
      merchantName: 'LOTUS TEA HOUSE',
      warnings: [{ code: 'STRAY_SPACE', offset: 0 }],
    })
    expect(code.fields[0]?.offset).toBe(2)
    expect(refusal(`${payload} `, 'STRICT').code).toBe('STRAY_SPACE')
  })
})

describe('not a deviation', () => {
  test.each([
    ['an amount that ends in a point', { '54': '98.' }, { amount: '98' }],
    ['an amount with leading zeros', { '54': '0010' }, { amount: '0010' }],
    ['the largest percentage', { '55': '03', '57': '99.99' }, { tip: { kind: 'PERCENT', value: '99.99' } }],
    ['a reserved id', { '70': 'for later' }, {}],
    [
      'plain text in 62.98, as QRIS has',
      { '62': '9813ABCDEFGHIJKLM' },
      { additionalData: { templates: [{ tag: '98', kind: 'PRIMITIVE' }] } },
    ],
    [
      'a template in 62.60',
      { '62': '60080004acme' },
      { additionalData: { templates: [{ tag: '60', kind: 'TEMPLATE', guid: 'acme' }] } },
    ],
    ['an identifier of any kind', { '29': '0015john_smith@devb' }, { scheme: 'UnionPay' }],
  ])('%s', (_, change, reads) => {
    expect(decodeMpm(sealed(bodyOf(change)), 'STRICT')).toMatchObject(reads)
  })

  test('a checksum in small letters', () => {
    const payload = sealed(bodyOf({ '60': 'SUZHOU' }))
    const small = payload.slice(0, -4) + payload.slice(-4).toLowerCase()
    expect(small).not.toBe(payload)
    expect(encodeMpm(decodeMpm(small, 'STRICT'))).toBe(small)
  })
})

describe('lengths', () => {
  const body = bodyOf()
  const tea = { '64': fieldsOf(['00', 'km'], ['01', 'តែ🍵'], ['02', 'ភ្នំពញ']) }

  test('count characters: Khmer signs and an emoji one each', () => {
    const code = decodeMpm(sealed(bodyOf({ ...tea, '80': '0001x' })), 'STRICT')
    expect(code.local).toEqual({ language: 'km', name: 'តែ🍵', city: 'ភ្នំពញ' })
    expect(code.fields.at(-2)).toMatchObject({
      tag: '80',
      offset: bodyOf().length + 4 + 6 + (4 + 3) + (4 + 6),
    })
  })

  test.each([
    { counting: 'UTF-8 bytes', name: '茶馆🍵', length: 10 },
    { counting: 'UTF-16 units', name: '茶馆🍵', length: 4 },
  ])('are understood by LENIENT when they count $counting', ({ counting, name, length }) => {
    const payload = sealed(`${body}64${8 + 2 + length}0002zh01${String(length).padStart(2, '0')}${name}`)
    const code = decodeMpm(payload, 'LENIENT')
    expect(code.local).toEqual({ language: 'zh', name, city: null })
    expect(new Set(warningsOf(code))).toEqual(new Set(['WRONG_COUNT:null', 'WRONG_COUNT:64']))
    expect(code.warnings[0]?.message).toContain(counting)
    expect(refusal(payload, 'STRICT').code).toBe('WRONG_COUNT')
  })
})

describe('both profiles refuse', () => {
  const payload = sealed(bodyOf())
  test.each([
    { when: 'nothing', text: '', code: 'NOT_A_QR_CODE', offset: 0 },
    { when: 'a greeting', text: 'hello', code: 'NOT_A_QR_CODE', offset: 0 },
    { when: 'more than a QR code holds', text: '0'.repeat(7090), code: 'TOO_LONG', offset: 7089 },
    { when: 'a phone number', text: '9950000000', code: 'NOT_A_QR_CODE', offset: 0 },
    { when: 'the number of a barcode', text: '0012345678905', code: 'NOT_A_QR_CODE', offset: 0 },
    { when: 'a card number', text: '6222021234567890', code: 'NOT_A_QR_CODE', offset: 0 },
    { when: 'one field that is no code', text: '00050000000', code: 'NOT_A_QR_CODE', offset: 0 },
    {
      when: 'the fields of a wallet of its own',
      text: sealed('0002010101002020103060000000411VNPayWallet071000000000000809TEST NAME'),
      code: 'NOT_A_QR_CODE',
      offset: 0,
    },
    { when: 'a length beyond the end', text: '0002015308', code: 'TRUNCATED', tag: '53', offset: 6 },
    { when: 'an id without length', text: '00020153', code: 'TRUNCATED', offset: 6 },
    { when: 'a length that is no number', text: '00020153XX156', code: 'BAD_FIELD', offset: 6 },
    { when: 'full-width digits', text: '000201５３０３156', code: 'BAD_FIELD', offset: 6 },
    { when: 'no checksum', text: bodyOf(), code: 'MISSING_TAG', tag: '63', offset: bodyOf().length },
    {
      when: 'fields after the checksum',
      text: `${payload}5908SOMEBODY`,
      code: 'MISPLACED_TAG',
      tag: '63',
      offset: payload.length,
    },
    {
      when: 'a checksum of two digits',
      text: `${bodyOf()}6302AB`,
      code: 'CRC_MISMATCH',
      tag: '63',
      offset: bodyOf().length,
    },
    {
      when: 'an empty checksum',
      text: `${bodyOf()}6300`,
      code: 'CRC_MISMATCH',
      tag: '63',
      offset: bodyOf().length,
    },
    {
      when: 'another amount than was sealed',
      text: payload.replace('5812', '5813'),
      code: 'CRC_MISMATCH',
      tag: '63',
      offset: bodyOf().length,
    },
  ])('$when', ({ text, code, tag = null, offset }) => {
    for (const profile of ['STRICT', 'LENIENT'] as const)
      expect(refusal(text, profile)).toMatchObject({ code, tag, offset })
  })
})
