// Reads the URL of an endpoint. The address that its host resolves to is checked for each request, by the
// HTTP sender.

import { isIP } from 'node:net'
import { refuse, type Refusal } from '../../schema/values/problems.ts'
import { isLoopbackName, isReachable, type Reach } from './reachable-address.ts'
import { quoteInput } from '../../schema/values/unknown.ts'

/**
 * Returns the URL in normal form, or a refusal at `path`: BAD_VALUE when it cannot be an endpoint,
 * ADDRESS_NOT_ALLOWED when `reach` excludes its host. An endpoint has https, or http where `reach` allows it;
 * no user, password or fragment; and port 80, 443 or 1024–65535.
 */
export function readCallbackUrl(text: string, reach: Reach, path: readonly string[]): string | Refusal {
  if (text.length > lengthMax) return refuse('BAD_VALUE', `a URL has at most ${lengthMax} characters`, path)
  const url = URL.parse(text)
  if (!url || !/^https?:$/.test(url.protocol)) {
    return refuse('BAD_VALUE', `${quoteInput(text)} is not a URL such as "https://example.com/hooks"`, path)
  }
  if (url.username || url.password) {
    return refuse('BAD_VALUE', 'a URL must not contain a user or password', path)
  }
  if (url.hash) return refuse('BAD_VALUE', 'a URL must not contain a fragment (#…)', path)
  const port = Number(url.port || (url.protocol === 'https:' ? 443 : 80))
  if (port !== 80 && port !== 443 && port < 1024) {
    return refuse('BAD_VALUE', `port ${port} is not allowed: use 80, 443 or 1024–65535`, path)
  }
  return checkHost(url, reach, path) ?? url.href
}

function checkHost({ protocol, hostname }: URL, reach: Reach, path: readonly string[]): Refusal | null {
  const isLoopback = isLoopbackName(hostname)
  const isPlainAllowed = reach === 'PRIVATE' || (reach === 'LOOPBACK' && isLoopback)
  if (protocol === 'http:' && !isPlainAllowed) {
    return refuse('ADDRESS_NOT_ALLOWED', 'the hub calls https URLs only', path)
  }
  const address = hostname.replace(/^\[|\]$/g, '')
  const isForbidden = isIP(address) === 0 ? isLoopback && reach === 'PUBLIC' : !isReachable(address, reach)
  if (!isForbidden) return null
  return refuse('ADDRESS_NOT_ALLOWED', `the hub does not call ${hostname}`, path)
}

const lengthMax = 2048
