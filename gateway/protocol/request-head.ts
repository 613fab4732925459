// Reads the head of a request from the bytes of a connection, in the one form that most clients send. It
// reads a part of HTTP/1.1, so every head that it accepts means the same to Node. Any other is left to Node.

import type { IncomingHttpHeaders } from 'node:http'

export interface Head {
  readonly headers: IncomingHttpHeaders
  /** Bytes of the body. */
  readonly length: number
}

/** A name, and a value of printable ASCII without a space at its end; RFC 9112, 5, allows more. */
const field = /([\w!#$%&'*+.^`|~-]+):[ \t]*([!-~](?:[ -~]*[!-~])?)\r\n/y
/** Headers that change how a request is read, or what is answered to it before it is complete. */
const special = new Set(['transfer-encoding', 'upgrade', 'expect', 'trailer', 'proxy-connection'])

/**
 * Reads a head that begins with `start`, the request line, and ends with an empty line. Null when it has
 * another form, the same header twice, or no length of a body.
 */
export function readHead(text: string, start: string): Head | null {
  if (!text.startsWith(start)) return null
  const headers: Record<string, string> = {}
  field.lastIndex = start.length
  for (let at = start.length; at < text.length - 2; at = field.lastIndex) {
    const found = field.exec(text)
    if (!found) return null
    const name = found[1]!.toLowerCase()
    // The names of members of every object count as given twice.
    if (special.has(name) || headers[name] !== undefined) return null
    headers[name] = found[2]!
  }
  const { connection = 'keep-alive', 'content-length': length = '' } = headers
  if (!/^keep-alive$/i.test(connection) || !/^[1-9]\d{0,9}$/.test(length)) return null
  return { headers, length: Number(length) }
}
