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
    ['https://qr.alipay.com', 'Alipay'],
    ['https://qr.alipay.com?code=1', 'Alipay'],
    ['https://qr.alipay.com/fkx0?next=https://a@b.example/#x', 'Alipay'],
    ['alipays://platformapi/startapp?saId=10000007&qrcode=https%3A%2F%2Fqr.alipay.com%2Ftsx0', 'Alipay'],
    ['ALIPAYS://platformapi/startapp?saId=10000007', 'Alipay'],
    ['alipay://platformapi/startapp?saId=10000007', 'Alipay'],
    ['upi://pay?pa=shop@bank&pn=A&B%20Traders&am=', 'UPI'],
    ['upi://pay?pa=shop@bank&pn=Ravi Kumar Store', 'UPI'],
    ['UPI://PAY?PA=SHOP@BANK', 'UPI'],
    ['Upi://Pay/?pn=x&pa=shop@bank', 'UPI'],
    ['upi://pay?pn=रवि स्टोर&mc=5411&tr=1&url=https://shop.example/a?b=c&pa=shop@bank&cu=INR', 'UPI'],
  ])('%s belongs to %s', (url, scheme) => {
    expect(decodeUrl(` ${url}\n`)).toEqual({ mode: 'URL', scheme, url })
    expect(readCode(`\uFEFF\u200B${url}\0`, 'STRICT')).toEqual({ mode: 'URL', scheme, url })
  })

  test.each([
    ['an unknown host', 'https://example.com/pay'],
    ['a host that only starts like a known one', 'https://qr.95516.com.example.com/1'],
    ['a known host as a user name', 'https://qr.95516.com@example.com/1'],
    ['a user name before a known host', 'https://me@qr.95516.com/1'],
    ['a port', 'https://qr.95516.com:8443/1'],
    ['no encryption', 'http://qr.95516.com/1'],
    ['the port of the protocol', 'https://qr.95516.com:443/1'],
    ['an empty port', 'https://qr.95516.com:/1'],
    ['a line break inside', 'https://qr.95516.com/1\n2'],
    ['a line break in the host', 'https://qr.95516\n.com/1'],
    ['a tab in the host', 'https://qr.95516\t.com/1'],
    ['a backslash before another host', 'https://qr.alipay.com\\@elsewhere.example/x'],
    ['a backslash after the host', 'https://qr.alipay.com\\x'],
    ['a backslash in the path', 'https://qr.alipay.com/\\x'],
    ['a backslash before the host', 'https://\\qr.alipay.com/x'],
    ['a third slash', 'https:///qr.alipay.com/x'],
    ['an empty user name', 'https://@qr.alipay.com/x'],
    ['percent signs in the host', 'https://qr%2Ealipay.com/x'],
    ['a percent sign after the host', 'https://qr.alipay.com%2F@elsewhere.example/x'],
    ['full-width letters', 'https://ｑｒ.alipay.com/x'],
    ['a letter that IDNA maps to another', 'https://qr.alıpay.com/x'],
    ['a Cyrillic letter', 'https://qr.аlipay.com/x'],
    ['a full stop of another script', 'https://qr。alipay.com/x'],
    ['a soft hyphen', 'https://qr.ali\u00ADpay.com/x'],
    ['a point after the host', 'https://qr.alipay.com./x'],
    ['a blank in the path', 'https://qr.alipay.com/a b'],
    ['a blank in an address of another app', 'weixin://wxpay/a b'],
    ['a UPI address that is no payment', 'upi://mandate?pa=shop@bank'],
    ['a UPI payment without a payee', 'upi://pay?pn=Shop'],
    ['a UPI payment to an empty account', 'upi://pay?pa=&pn=Shop'],
    ['a UPI host that only starts like it', 'upi://pay.example?pa=shop@bank'],
    ['a user name in UPI', 'upi://pay@elsewhere?pa=shop@bank'],
    ['a line break in UPI', 'upi://pay?pa=shop@bank\n&am=1'],
    ['half a surrogate pair in UPI', 'upi://pay?pa=shop@bank&pn=\uD83C'],
    ['no address', 'wxp://'],
    ['a property of every object', 'constructor://x'],
  ])('with %s is refused', (_, url) => {
    expect(() => decodeUrl(url)).toThrow(expect.objectContaining({ name: 'QrError', code: 'NOT_A_QR_CODE' }))
  })

  test('is refused with its host in the message', () => {
    expect(() => decodeUrl('https://qr.alipay.com\\@elsewhere.example/x')).toThrow(
      '"qr.alipay.com\\\\@elsewhere.example" is not the host of a known payment scheme (at character 0)',
    )
    expect(() => decodeUrl(`https://${'a'.repeat(5000)}/`)).toThrow(/^"a{100}" is not the host/)
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
