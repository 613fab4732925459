import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { decodeCpm, encodeCpm, QrError } from '../../../schema/qr/index.ts'
import { isRead } from '../../fixtures/a-code.ts'
import { anyPresentedCode, aPresentedCode } from '../../fixtures/a-presented-code.ts'

/** Base64 of data objects written in hexadecimal, spaces for the eye. */
const base64 = (hexadecimal: string) => Buffer.from(hexadecimal.replaceAll(' ', ''), 'hex').toString('base64')

const start = '85 05 4350563031'
const aid = '4F 07 A0000003330101'

/** A code of templates: each is a tag and its objects in hexadecimal. */
const codeOf = (...templates: readonly (readonly [tag: string, objects: string])[]) =>
  base64(start + templates.map(([tag, objects]) => `${tag}${sizeOf(objects)}${objects}`).join(''))

const sizeOf = (hexadecimal: string) =>
  (hexadecimal.replaceAll(' ', '').length / 2).toString(16).padStart(2, '0')

describe('a presented code', () => {
  test('the sample of the EMVCo Consumer-Presented Mode specification, without its card number', () => {
    const code = decodeCpm(
      'hQVDUFYwMWETTwegAAAAVVVVUAhQcm9kdWN0MWETTwegAAAAZmZmUAhQcm9kdWN0MmJJWggSNFZ4kBI0WF8gDkNBUkRIT0xERVIv' +
        'RU1WXy0IcnVlc2RlZW5kIZ8QBwYBCgMAAACfJghYT9OF+iNLzJ82AgABnzcEbVjvEw==',
    )
    expect(code.applications.map((each) => [each.aid, each.label])).toEqual([
      ['A0000000555555', 'Product1'],
      ['A0000000666666', 'Product2'],
    ])
    expect(code.common).toMatchObject({
      language: 'ruesdeen',
      lastFour: '3458',
      chip: {
        issuerApplicationData: '06010A03000000',
        cryptogram: '584FD385FA234BCC',
        transactionCounter: '0001',
        unpredictableNumber: '6D58EF13',
      },
    })
    expect(code.withheld).toEqual(['62.5A', '62.5F20'])
    expect(JSON.stringify(code)).not.toMatch(/12345678|CARDHOLDER/)
    expect(() => encodeCpm(code)).toThrow(QrError)
  })

  test('starts with the seven characters of every such code', () => {
    expect(encodeCpm(aPresentedCode())).toMatch(/^hQVDUFY/)
  })

  test('is of the scheme of its first application that is known', () => {
    const unknown = { aid: 'F000000001' }
    const { scheme } = decodeCpm(encodeCpm({ applications: [unknown, ...aPresentedCode().applications] }))
    expect(scheme).toBe('UnionPay')
  })

  test('gives the start of each object in characters of the text', () => {
    const payload = encodeCpm(aPresentedCode())
    const { fields } = decodeCpm(payload)
    expect(fields.map(({ tag, offset }) => [tag, offset])).toEqual([
      ['85', 0],
      ['61', 9], // byte 7: bits 56 and on, in the tenth character
    ])
  })
})

describe('card data', () => {
  test.each([
    ['a card number', '5A 08 6222021234567890', '61.5A', '7890'],
    ['a card number of odd length', '5A 0A 6222021234567891234F', '61.5A', '1234'],
    ['a track', '57 11 6222021234567890D30122010000000000', '61.57', '7890'],
    ['a cardholder name', '5F20 05 42554E4E59', '61.5F20', null],
    ['a label that is a card number', '50 10 36323232303231323334353637383930', '61.50', null],
    ['an unknown object', 'DF01 08 6222021234567890', '61.DF01', null],
    ['a card number inside the chip data', '63 0A 5A 08 6222021234567890', '61.63.5A', null],
  ])('%s is withheld', (_, object, path, lastFour) => {
    const inner = `${aid} ${object}`
    const size = (inner.replaceAll(' ', '').length / 2).toString(16).padStart(2, '0')
    const code = decodeCpm(base64(`${start} 61 ${size} ${inner}`))
    expect(code.withheld).toEqual([path])
    expect(code.applications[0]?.lastFour).toBe(lastFour)
    expect(JSON.stringify(code)).not.toMatch(/62220|21234567|42554E|BUNNY|D3012/)
  })

  test('never shows in a refusal', () => {
    const card = '5A 08 6222021234567890'
    for (const payload of [
      base64(`${start} 61 13 ${aid} ${card}`.replace('61 13', '61 7F')),
      base64(`${start} 61 1D ${aid} ${card} ${card}`),
      base64(`${start} 61 0A ${card}`),
      base64(`${start} 61 16 ${aid} 9F25 08 6222021234567890`),
    ]) {
      expect(() => decodeCpm(payload)).toThrow(QrError)
      expect(() => decodeCpm(payload)).not.toThrow(/6222|7890/)
    }
  })
})

describe('an application that cannot be used', () => {
  const good = ['61', aid] as const
  test.each([
    ['without id', '50 05 4F54484552', 'MISSING_TAG', '61.4F'],
    ['empty', '', 'MISSING_TAG', '61.4F'],
    ['with an id of 17 bytes', `4F 11 ${'A0'.repeat(17)}`, 'BAD_LENGTH', '61.4F'],
    ['with an id of four bytes', '4F 04 A0000003', 'BAD_LENGTH', '61.4F'],
    ['with a label in Chinese', `${aid} 50 03 E99389`, 'BAD_VALUE', '61.50'],
    ['with letters among digits', `${aid} 9F25 02 12AB`, 'BAD_VALUE', '61.9F25'],
    ['that is no BER-TLV', '4F 08 A0', 'TRUNCATED', '61.4F'],
  ])('%s is skipped with a warning', (_, objects, code, tag) => {
    for (const payload of [codeOf(['61', objects], good), codeOf(good, ['61', objects])]) {
      const { scheme, applications, warnings, fields } = decodeCpm(payload)
      expect(scheme).toBe('UnionPay')
      expect(applications).toMatchObject([{ aid: 'A0000003330101' }])
      expect(warnings).toMatchObject([{ code, tag }])
      expect(fields.map((field) => field.tag)).toEqual(['85', '61', '61'])
    }
    expect(() => decodeCpm(codeOf(['61', objects]))).toThrow(expect.objectContaining({ code, tag }))
  })

  test('discloses nothing of it', () => {
    const code = decodeCpm(codeOf(['61', '50 02 4142 5A 08 6222021234567890'], good))
    expect(code.withheld).toEqual(['61'])
    expect(JSON.stringify(code)).not.toMatch(/622202|7890|AB"/)
  })

  test('is one of at most 32 warnings', () => {
    const { warnings } = decodeCpm(codeOf(...Array.from({ length: 500 }, () => ['61', ''] as const), good))
    expect(warnings).toHaveLength(33)
    expect(warnings.at(-1)?.code).toBe('MORE_FAULTS')
  })
})

describe('a reference to the account', () => {
  test('of another length is a warning, and its value withheld', () => {
    const code = decodeCpm(codeOf(['61', `${aid} 9F24 0E 30383031305A3033303030303030`]))
    expect(code).toMatchObject({
      applications: [{ aid: 'A0000003330101', paymentAccountReference: null }],
      withheld: ['61.9F24'],
      warnings: [{ code: 'BAD_LENGTH', tag: '61.9F24' }],
    })
    expect(JSON.stringify(code)).not.toContain('08010Z')
  })
})

describe('the schemes of presented codes', () => {
  test.each([
    ['A0000006022020', 'QRIS'],
    ['A0000000651010', 'JCB'],
    ['A000000333010101', 'UnionPay'],
    ['A0000000031010', 'Visa'],
    ['A0000000041010', 'Mastercard'],
    ['A0000005241010', 'RuPay'],
    ['A0000000250104', 'American Express'],
    ['A0000006150001', 'DuitNow'],
    ['F000000001', null],
  ])('%s is of %s', (id, scheme) => {
    expect(decodeCpm(encodeCpm({ applications: [{ aid: id }] })).scheme).toBe(scheme)
  })
})

describe('a transparent template', () => {
  test.each([
    ['no BER-TLV', '63 05 9F2608AABB', null],
    ['bytes of any kind', '63 03 FFFFFF', null],
    ['nothing', '63 00', { cryptogram: null }],
    ['one object twice', '63 0A 9F36020001 9F36020002', { transactionCounter: '0001' }],
    ['an object of another length', '63 06 9F3603000102', { transactionCounter: null }],
  ])('with %s is not judged', (_, template, chip) => {
    const code = decodeCpm(codeOf(['61', `${aid} ${template}`]))
    expect(code.warnings).toEqual([])
    if (chip) expect(code.applications[0]?.chip).toMatchObject(chip)
    else expect(code).toMatchObject({ applications: [{ chip: null }], withheld: ['61.63'] })
    expect(JSON.stringify(code)).not.toMatch(/AABB|FFFFFF/)
  })

  test('never discloses a card number, whether it is BER-TLV or not', () => {
    for (const template of ['63 0A 5A 08 6222021234567890', '63 09 5A 08 62220212345678']) {
      const code = decodeCpm(codeOf(['61', `${aid} ${template}`]))
      expect(JSON.stringify(code)).not.toContain('622202')
    }
  })
})

describe('an object in two templates', () => {
  test.each([
    ['the language', '5F2D 02 7A68', '5F2D 02 656E', '62.5F2D'],
    ['a card number', '5A 08 6222021234567890', '5A 08 6222021234567890', '62.5A'],
    ['an id', '', aid, '62.4F'],
  ])('is refused in the application and the common data: %s', (_, own, common, tag) => {
    expect(() => decodeCpm(codeOf(['61', `${aid} ${own}`], ['62', common]))).toThrow(
      expect.objectContaining({ code: 'DUPLICATE_TAG', tag }),
    )
    expect(() => decodeCpm(codeOf(['62', common], ['61', `${aid} ${own}`]))).toThrow(QrError)
    expect(() => decodeCpm(codeOf(['61', `${aid} ${own}`], ['62', common]))).not.toThrow(/6222|7890/)
  })

  test('is read in two applications', () => {
    const { applications } = decodeCpm(codeOf(['61', `${aid} 5F2D 02 7A68`], ['61', `${aid} 5F2D 02 656E`]))
    expect(applications.map(({ language }) => language)).toEqual(['zh', 'en'])
  })

  test('is refused when one application has it twice, although another can be used', () => {
    expect(() => decodeCpm(codeOf(['61', aid], ['61', `${aid} 5F2D 02 7A68 5F2D 02 656E`]))).toThrow(
      expect.objectContaining({ code: 'DUPLICATE_TAG', tag: '61.5F2D' }),
    )
  })
})

describe('what is refused', () => {
  test.each([
    { when: 'other text', payload: 'hello', code: 'NOT_A_QR_CODE', tag: null },
    {
      when: 'base64 with a sign missing',
      payload: encodeCpm(aPresentedCode()).slice(0, -1),
      code: 'TRUNCATED',
      tag: null,
    },
    {
      when: 'another version',
      payload: base64('85 05 4350563032 61 09' + aid),
      code: 'BAD_VALUE',
      tag: '85',
    },
    { when: 'no application', payload: base64(start), code: 'MISSING_TAG', tag: '61' },
    {
      when: 'an application without id',
      payload: base64(`${start} 61 04 50 02 4142`),
      code: 'MISSING_TAG',
      tag: '61.4F',
    },
    {
      when: 'the same object twice',
      payload: base64(`${start} 61 12 ${aid} ${aid}`),
      code: 'DUPLICATE_TAG',
      tag: '61.4F',
    },
    {
      when: 'an object cut short',
      payload: base64(`${start} 61 09 4F 08 A0000003330101`),
      code: 'TRUNCATED',
      tag: '61.4F',
    },
    {
      when: 'a length without end',
      payload: base64(`${start} 61 80 ${aid} 0000`),
      code: 'BAD_LENGTH',
      tag: '61',
    },
    {
      when: 'an id of four bytes',
      payload: base64(`${start} 61 06 4F 04 A0000003`),
      code: 'BAD_LENGTH',
      tag: '61.4F',
    },
    {
      when: 'letters among digits',
      payload: base64(`${start} 61 0E ${aid} 9F25 02 12AB`),
      code: 'BAD_VALUE',
      tag: '61.9F25',
    },
    {
      when: 'text that is not printable',
      payload: base64(`${start} 61 0C ${aid} 50 01 07`),
      code: 'BAD_VALUE',
      tag: '61.50',
    },
  ])('$when', ({ payload, code, tag }) => {
    expect(() => decodeCpm(payload)).toThrow(expect.objectContaining({ code, tag }))
  })

  test.each([
    ['a reference of the wrong length', { paymentAccountReference: 'SHORT' }],
    ['an id that is not hexadecimal', { aid: 'UNIONPAY!!' }],
    ['a label that holds a card number', { label: '6222021234567890' }],
    ['last digits that are five', { lastFour: '12345' }],
    ['a requestor of twelve digits', { tokenRequestor: '123456789012' }],
    ['a label in Chinese', { label: '银联' }],
  ])('to write %s', (_, change) => {
    expect(() => encodeCpm(aPresentedCode(change))).toThrow(QrError)
  })
})

describe('for every presented code', () => {
  test('what was written is what is read, and writing that gives the same text', () => {
    fc.assert(
      fc.property(anyPresentedCode, (code) => {
        const payload = encodeCpm(code)
        expect(decodeCpm(payload)).toMatchObject({ ...code, withheld: [] })
        expect(encodeCpm(decodeCpm(payload))).toBe(payload)
      }),
    )
  })

  test('cutting or changing it never throws anything but a QrError', () => {
    fc.assert(
      fc.property(anyPresentedCode, fc.nat(), fc.nat(255), (code, n, byte) => {
        const payload = encodeCpm(code)
        const bytes = Buffer.from(payload, 'base64')
        bytes[n % bytes.length] = byte
        for (const text of [payload.slice(0, n % payload.length), bytes.toString('base64')]) {
          expect(isRead(text)).toBeTypeOf('boolean')
        }
      }),
    )
  })

  test('one application cut anywhere is refused', () => {
    const payload = encodeCpm(aPresentedCode())
    for (let end = 0; end < payload.length; end++)
      expect(() => decodeCpm(payload.slice(0, end))).toThrow(QrError)
  })
})
