// Decides under which names the hub may be called. A web page whose name an attacker resolves to this
// machine (DNS rebinding) sends its own name as Host, and to the browser the hub then is of the page's own
// origin.

import { isIP } from 'node:net'
import type { AllowedOrigins } from './cors.ts'

/**
 * True for an address, for a name without a dot or below `localhost`, which no page of the internet can
 * have, and for the names in `allowed`.
 */
export function isAllowedHost(host: string | undefined, allowed: ReadonlySet<string>): boolean {
  const name = nameOf(host)
  if (name === null) return false
  return isIP(name) !== 0 || !name.includes('.') || name.endsWith('.localhost') || allowed.has(name)
}

/** The names of the URLs at which pages may call, such as `portal.example` of `https://portal.example`. */
export const namesOf = ({ origins, publicUrl }: AllowedOrigins): ReadonlySet<string> =>
  new Set([...origins, ...(publicUrl === undefined ? [] : [publicUrl])].map((url) => new URL(url).hostname))

/** The name in a Host header, in lower case, without port, brackets and a dot at the end. */
function nameOf(host: string | undefined): string | null {
  const url = host === undefined ? null : URL.parse(`http://${host}`)
  if (!url || url.username !== '' || url.pathname !== '/') return null
  return url.hostname.replace(/^\[|\]$/g, '').replace(/\.$/, '')
}
