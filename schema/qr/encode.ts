// The guarantee of both encoders: a written code is read again with the same content.

import { faultAt, QrError } from './error.ts'

/** Throws `QrError` if `read` lacks a value of `written`. Absent and null have the same meaning. */
export function checkSame(read: object, written: object): void {
  for (const [name, part] of Object.entries(written)) {
    if (part === undefined || contains(Reflect.get(read, name), part)) continue
    throw new QrError(
      faultAt(0, 'BAD_VALUE', null, `${name} cannot be written: it would be read differently`),
    )
  }
}

/** Ignores offsets, which describe the layout of a code and not its content. */
function contains(read: unknown, written: unknown): boolean {
  if (written === undefined || written === null) return read === undefined || read === null
  if (typeof written !== 'object') return read === written
  return Object.entries(written).every(
    ([name, part]) =>
      name === 'offset' || part === undefined || contains(Reflect.get(Object(read), name), part),
  )
}
