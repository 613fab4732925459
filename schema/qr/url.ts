// Recognises codes that are a web address or an app's own address, and their payment scheme. Nothing is
// fetched.

import { faultAt, QrError } from './error.ts'
import { quote } from './field.ts'
import { bare, checkSize } from './payload.ts'

/** A code that is an address; only its payment scheme can resolve it. */
export interface UrlCode {
  readonly mode: 'URL'
  readonly scheme: string
  /** As written, without white space and invisible characters around it. */
  readonly url: string
}

const byHost = new Map(
  Object.entries({
    'qr.95516.com': 'UnionPay',
    'payapp.weixin.qq.com': 'WeChat Pay',
    'pay.weixin.qq.com': 'WeChat Pay',
    'wx.tenpay.com': 'WeChat Pay',
    'qr.alipay.com': 'Alipay',
    'global.alipay.com': 'Alipay',
  }),
)

/** Schemes by protocol of an address that only the scheme's app can open. */
const byProtocol = new Map(
  Object.entries({ weixin: 'WeChat Pay', wxp: 'WeChat Pay', alipays: 'Alipay', alipay: 'Alipay' }),
)

/**
 * A UPI payment with its payee, "pa". Shops print the name of the payee in any script, and without escapes.
 * Source: UPI Linking Specifications 1.6, NPCI.
 */
const upiPayment = /^upi:\/\/pay\/?\?(?:[^#\\]*&)?pa=[^&#\s]/i

/**
 * An https address whose host is the same for every strict reader (RFC 3986, WHATWG URL): letters, digits,
 * hyphens and points up to the first "/", "?" or "#". So it has no credentials, port, percent signs,
 * backslash or letters outside ASCII.
 */
const plainAddress = /^https:\/\/([a-z0-9.-]+)(?:[/?#][!-[\]-~]*)?$/i

/** The most characters of an address in a message. */
const shownMax = 100

/** True for a text that starts with a protocol, such as "https://". */
export const isUrl = (text: string): boolean => /^[a-z][a-z0-9+.-]*:\/\//i.test(bare(text).text)

/**
 * Recognises the address of a known payment scheme, by its exact host over https or by its app's own
 * protocol. Throws `QrError` for anything else: an unknown address is not a payment code.
 */
export function decodeUrl(text: string): UrlCode {
  checkSize(text)
  const url = bare(text).text
  const scheme = schemeOfApp(url) ?? schemeOfHost(url)
  if (scheme) return { mode: 'URL', scheme, url }
  const [, authority = ''] = /^[^:/?#]*:\/\/([^/?#]*)/.exec(url) ?? []
  const what = `${quote(authority.slice(0, shownMax))} is not the host of a known payment scheme`
  throw new QrError(faultAt(0, 'NOT_A_QR_CODE', null, what))
}

function schemeOfApp(url: string): string | null {
  if (upiPayment.test(url)) return /[\p{Cc}\p{Cs}]/u.test(url) ? null : 'UPI'
  const [, protocol = ''] = /^(\w+):\/\/[!-~]+$/.exec(url) ?? []
  return byProtocol.get(protocol.toLowerCase()) ?? null
}

/** Accepts host names in capitals, which take less space in a QR code. */
function schemeOfHost(url: string): string | null {
  const [, written = ''] = plainAddress.exec(url) ?? []
  const host = written.toLowerCase()
  return URL.parse(url)?.host === host ? (byHost.get(host) ?? null) : null
}
