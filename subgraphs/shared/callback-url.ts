// Reads the URL that somebody wants to be called at. What a name resolves to is looked at when it is called, see sender.ts.

import { isIP } from 'node:net'
import { refuse, type Refusal } from '../../schema/values/problems.ts'
import { isLoopbackName, isReachable, type Reach } from './reachable-address.ts'
import { quoteInput } from './unknown.ts'

/**
 * The URL in its normal form, or a refusal at `path`: BAD_VALUE when it is none that can be called, ADDRESS_NOT_ALLOWED when the hub
 * does not call there. Takes https with a host, and http where `reach` lets it; no user or password, no fragment; ports 80,
 * 443, and 1024 and up.
 */
export function readTarget(text: string, reach: Reach, path: readonly string[]): string | Refusal {
  if (text.length > lengthMax) return refuse('BAD_VALUE', `a URL has at most ${lengthMax} characters`, path)
  const url = URL.parse(text)
  if (!url || !/^https?:$/.test(url.protocol)) {
    return refuse('BAD_VALUE', `${quoteInput(text)} is not a URL such as "https://example.com/hooks"`, path)
  }
  if (url.username || url.password) {
    return refuse('BAD_VALUE', 'a URL with a user or password in it is not taken', path)
  }
  if (url.hash) return refuse('BAD_VALUE', 'a URL with a fragment (#…) is not taken', path)
  const port = Number(url.port || (url.protocol === 'https:' ? 443 : 80))
  if (port !== 80 && port !== 443 && port < 1024) {
    return refuse('BAD_VALUE', `port ${port} is not taken: 80, 443, and 1024–65535 are`, path)
  }
  return flawOfHost(url, reach, path) ?? url.href
}

function flawOfHost({ protocol, hostname }: URL, reach: Reach, path: readonly string[]): Refusal | null {
  const isLoopback = isLoopbackName(hostname)
  const isPlainAllowed = reach === 'PRIVATE' || (reach === 'LOOPBACK' && isLoopback)
  if (protocol === 'http:' && !isPlainAllowed) {
    return refuse('ADDRESS_NOT_ALLOWED', 'the hub calls https addresses only', path)
  }
  const address = hostname.replace(/^\[|\]$/g, '')
  const isForbidden = isIP(address) === 0 ? isLoopback && reach === 'PUBLIC' : !isReachable(address, reach)
  if (!isForbidden) return null
  return refuse('ADDRESS_NOT_ALLOWED', `the hub does not call ${hostname}`, path)
}

const lengthMax = 2048
