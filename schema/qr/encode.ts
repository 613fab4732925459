// What both encoders promise: what was written is read back as it was given.

import { faultAt, QrError } from './error.ts'

/** Throws `QrError` when `read` does not say all that `given` says. Absent and null are the same. */
export function checkSame(read: object, given: object): void {
  for (const [name, part] of Object.entries(given)) {
    if (part === undefined || says(Reflect.get(read, name), part)) continue
    throw new QrError(faultAt(0, 'BAD_VALUE', null, `${name} would not be read as it was given`))
  }
}

/** Offsets do not count: they are where a thing stood, not what it says. */
function says(read: unknown, given: unknown): boolean {
  if (given === undefined || given === null) return read === undefined || read === null
  if (typeof given !== 'object') return read === given
  return Object.entries(given).every(
    ([name, part]) => name === 'offset' || part === undefined || says(Reflect.get(Object(read), name), part),
  )
}
