// Recognises codes that are a web address or an app's own address, and their payment scheme. Nothing is
// fetched.

import { faultAt, QrError } from './error.ts'
import { quote } from './field.ts'
import { checkSize } from './payload.ts'

/** A code that is an address; only its payment scheme can resolve it. */
export interface UrlCode {
  readonly mode: 'URL'
  readonly scheme: string
  /** As written, without white space around it. */
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
const byProtocol = new Map(Object.entries({ weixin: 'WeChat Pay', wxp: 'WeChat Pay' }))

/** True for a text that starts with a protocol, such as "https://". */
export const isUrl = (text: string): boolean => /^\s*[a-z][a-z0-9+.-]*:\/\//i.test(text)

/**
 * Recognises the address of a known payment scheme, by its exact host over https or by its app's own
 * protocol. Throws `QrError` for anything else: an unknown address is not a payment code.
 */
export function decodeUrl(text: string): UrlCode {
  checkSize(text)
  const url = text.trim()
  const scheme = /^[\x21-\x7E]+$/.test(url) ? (schemeOfApp(url) ?? schemeOfHost(url)) : null
  if (scheme) return { mode: 'URL', scheme, url }
  const host = URL.parse(url)?.host ?? ''
  const what = `${quote(host)} is not the host of a known payment scheme`
  throw new QrError(faultAt(0, 'NOT_A_QR_CODE', null, what))
}

function schemeOfApp(url: string): string | null {
  const [, protocol = ''] = /^(\w+):\/\/./.exec(url) ?? []
  return byProtocol.get(protocol.toLowerCase()) ?? null
}

/**
 * Accepts host names in capitals, which take less space in a QR code. Credentials and ports are a sign of
 * forgery.
 */
function schemeOfHost(text: string): string | null {
  const url = URL.parse(text)
  if (!url || url.protocol !== 'https:' || url.username || url.password || url.port) return null
  return byHost.get(url.hostname) ?? null
}
