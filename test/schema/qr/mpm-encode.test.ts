import { describe, expect, test } from 'vitest'
import { decodeMpm, encodeFields, encodeMpm, QrError } from '../../../schema/qr/index.ts'
import type { MpmInput } from '../../../schema/qr/index.ts'
import { aCode, bodyOf, sealed } from '../../fixtures/a-code.ts'

describe('issuing a code', () => {
  test('writes the fields by id, the account of UnionPay among them', () => {
    expect(encodeMpm(aCode())).toBe(sealed(bodyOf()))
  })

  test('writes the sample of the EMVCo specification from its fields', () => {
    // EMVCo MPM: the sample payload, whose fields are not in the order of their ids.
    const sample =
      '00020101021229300012D156000000000510A93FO3230Q31280012D15600000001030812345678520441115802CN' +
      '5914BEST TRANSPORT6007BEIJING64200002ZH0104最佳运输0202北京540523.7253031565502016233030412340603***' +
      '0708A60086670902ME91320016A0112233449988770708123456786304A13A'
    expect(encodeMpm(decodeMpm(sample, 'STRICT'))).toBe(sample)
    expect(encodeFields(decodeMpm(sample, 'STRICT').fields)).toBe(sample)
  })

  test.each<[string, MpmInput]>([
    ['a dynamic code with an amount', { pointOfInitiation: 'DYNAMIC', amount: '215.50' }],
    ['a reference that the wallet hands back', { additionalData: { referenceLabel: 'ORDER-7' } }],
    ['a local name with an emoji', { local: { language: 'zh', name: '荷花茶馆🍵', city: '杭州' } }],
    ['a fixed fee', { tip: { kind: 'FIXED', value: '3' } }],
    [
      'an account of another network',
      {
        unionPay: null,
        merchantAccounts: [{ tag: '29', fields: [{ tag: '00', value: 'A000000677010111' }] }],
      },
    ],
    [
      'a merchant id shorter than the field',
      { unionPay: { acquirerIin: '00010000', forwardingIin: '00010344', merchantId: 'M1' } },
    ],
  ])('gives back %s', (_, change) => {
    expect(decodeMpm(encodeMpm(aCode(change)), 'STRICT')).toMatchObject(change)
  })

  test.each<{ what: string; change: MpmInput; code: string; tag: string | null }>([
    { what: 'without merchant name', change: { merchantName: null }, code: 'MISSING_TAG', tag: '59' },
    { what: 'without any account', change: { unionPay: null }, code: 'MISSING_TAG', tag: null },
    { what: 'with an amount of zero', change: { amount: '0.00' }, code: 'BAD_VALUE', tag: '54' },
    {
      what: 'with an amount that would read otherwise',
      change: { amount: '5.' },
      code: 'BAD_VALUE',
      tag: null,
    },
    { what: 'in a currency that is none', change: { currency: 'XYZ' }, code: 'BAD_VALUE', tag: '53' },
    {
      what: 'with a name of 26 characters',
      change: { merchantName: 'a'.repeat(26) },
      code: 'TOO_LONG',
      tag: '59',
    },
    {
      what: 'with a name in Chinese outside `local`',
      change: { merchantName: '茶馆' },
      code: 'BAD_VALUE',
      tag: '59',
    },
    { what: 'with an empty name', change: { merchantName: '' }, code: 'MISSING_TAG', tag: '59' },
    {
      what: 'with half a surrogate pair',
      change: { local: { language: 'zh', name: '\uD83C' } },
      code: 'BAD_VALUE',
      tag: '64.01',
    },
    {
      what: 'with more than a field holds',
      change: { unreserved: [{ tag: '80', value: 'x'.repeat(100) }] },
      code: 'TOO_LONG',
      tag: '80',
    },
    {
      what: 'with an id of three digits',
      change: { unreserved: [{ tag: '801', value: 'x' }] },
      code: 'BAD_FIELD',
      tag: '801',
    },
    {
      what: 'with an id that occurs twice',
      change: { unreserved: [{ tag: '59', value: 'x' }] },
      code: 'DUPLICATE_TAG',
      tag: '59',
    },
    {
      what: 'with an institution number of seven digits',
      change: { unionPay: { acquirerIin: '0001000', forwardingIin: '00010344', merchantId: 'M1' } },
      code: 'BAD_VALUE',
      tag: null,
    },
    { what: 'with another scheme', change: { scheme: 'PIX' }, code: 'BAD_VALUE', tag: null },
  ])('is refused $what', ({ change, code, tag }) => {
    expect(() => encodeMpm(aCode(change))).toThrow(expect.objectContaining({ name: 'QrError', code, tag }))
  })

  test('is refused when a decoded code was changed but its fields were not', () => {
    const code = decodeMpm(encodeMpm(aCode({ amount: '5.00' })), 'STRICT')
    expect(() => encodeMpm({ ...code, amount: '6.00' })).toThrow(QrError)
    expect(decodeMpm(encodeMpm({ ...code, amount: '6.00', fields: undefined }), 'STRICT').amount).toBe('6.00')
  })
})

describe('writing fields alone', () => {
  test('does not check their values, so that codes in use can be written', () => {
    const payload = encodeFields([
      { tag: '00', value: '01' },
      { tag: '29', fields: [{ tag: '00', value: 'A000000677010111' }] },
    ])
    expect(decodeMpm(payload, 'LENIENT').scheme).toBe('PromptPay')
    expect(() => decodeMpm(payload, 'STRICT')).toThrow(QrError)
  })

  test('replaces a checksum that does not fit', () => {
    expect(
      encodeFields([
        { tag: '00', value: '01' },
        { tag: '63', value: 'FFFF' },
      ]),
    ).toBe(sealed('000201'))
  })
})
