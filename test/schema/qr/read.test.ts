import { describe, expect, test } from 'vitest'
import { decodeUrl, encodeCpm, QrError, readCode } from '../../../schema/qr/index.ts'
import { bodyOf, sealed } from '../../fixtures/a-code.ts'

describe('an address', () => {
  test.each([
    ['https://qr.95516.com/00010000/62252493337689950597974747422472', 'UnionPay'],
    ['HTTPS://QR.95516.COM/00010000/0122', 'UnionPay'],
    ['wxp://f2f0in9xnsA4GeXWBRORK63ixD6b', 'WeChat Pay'],
    ['weixin://wxpay/bizpayurl?pr=NwY5Mz9', 'WeChat Pay'],
    ['weixin://weixin://pay.weixin.qq.com/bizpayurl/up?pr=NwY5Mz9&groupid=00', 'WeChat Pay'],
    ['https://qr.alipay.com/2m611628fhnturpr4p9bs96', 'Alipay'],
  ])('%s belongs to %s', (url, scheme) => {
    expect(decodeUrl(` ${url}\n`)).toEqual({ mode: 'URL', scheme, url })
  })

  test.each([
    ['an unknown host', 'https://example.com/pay'],
    ['a host that only starts like a known one', 'https://qr.95516.com.example.com/1'],
    ['a known host as a user name', 'https://qr.95516.com@example.com/1'],
    ['a user name before a known host', 'https://me@qr.95516.com/1'],
    ['a port', 'https://qr.95516.com:8443/1'],
    ['no encryption', 'http://qr.95516.com/1'],
    ['a line break inside', 'https://qr.95516.com/1\n2'],
    ['no address', 'wxp://'],
    ['a property of every object', 'constructor://x'],
  ])('with %s is refused', (_, url) => {
    expect(() => decodeUrl(url)).toThrow(expect.objectContaining({ name: 'QrError', code: 'NOT_A_QR_CODE' }))
  })
})

describe('a code of unknown kind', () => {
  test.each([
    [sealed(bodyOf()), 'MPM'],
    [encodeCpm({ applications: [{ aid: 'A000000333010101' }] }), 'CPM'],
    ['https://qr.95516.com/00010000/0122', 'URL'],
  ] as const)('%s is read as %s', (text, mode) => {
    expect(readCode(text, 'STRICT').mode).toBe(mode)
    expect(readCode(`${text}\n`, 'LENIENT').mode).toBe(mode)
  })

  test.each(['', 'hello', '1234567890123', 'mailto:me@example.com', 'hQVDUFY'])('%j is refused', (text) => {
    expect(() => readCode(text, 'LENIENT')).toThrow(QrError)
  })
})
