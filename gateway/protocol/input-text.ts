// Checks every text that a client sends beside its document, before any of it is used, stored or logged. This is
// the one place for HTTP, WebSockets and event streams; `refuseText` does the same for literals of a document.

import { holdsCardNumber } from '../../schema/values/card-number.ts'
import { problems } from '../../schema/values/problems.ts'
import type { RefuseText } from '../supergraph/index.ts'
import { HttpError } from './http-error.ts'

const charactersMax = 20_000
/** Objects and lists within each other; the inputs of the schema have 6. */
const levelsMax = 32

/**
 * Throws PAN_REFUSED for a card number, and BAD_REQUEST for a text that is too long or holds half of a surrogate
 * pair, and for values that are nested too deep. Each has the path of the value.
 */
export function checkVariables(variables: Readonly<Record<string, unknown>>): void {
  const path: string[] = []
  const refuse = (code: 'PAN_REFUSED' | 'BAD_REQUEST', message: string): never => {
    throw new HttpError(code, message, { path: path.map((step) => step.slice(0, stepMax)) })
  }
  const checkText = (text: string, field: string): void => {
    if (text.length > charactersMax)
      refuse('BAD_REQUEST', `a text has ${text.length} characters; the limit is ${charactersMax}`)
    if (!text.isWellFormed()) refuse('BAD_REQUEST', 'a text holds half of a surrogate pair')
    if (field !== codeField && holdsCardNumber(text)) refuse('PAN_REFUSED', problems.PAN_REFUSED)
  }
  const check = (value: unknown, field: string): void => {
    if (typeof value === 'string') return checkText(value, field)
    if (typeof value === 'number') return value < 1e12 ? undefined : checkText(String(value), field)
    if (typeof value !== 'object' || value === null) return
    if (path.length >= levelsMax)
      refuse('BAD_REQUEST', `the variables are nested more than ${levelsMax} levels deep`)
    if (Array.isArray(value)) {
      for (let index = 0; index < value.length; index++) checkAt(String(index), value[index], field)
    } else {
      for (const name in value) {
        checkText(name, '')
        checkAt(name, (value as Record<string, unknown>)[name], name)
      }
    }
  }
  const checkAt = (step: string, value: unknown, field: string): void => {
    path.push(step)
    check(value, field)
    path.pop()
  }
  check(variables, '')
}

/**
 * The field of a QR code’s content. Some schemes number merchants as cards are numbered, so the content is not
 * searched: it is read, and never stored.
 */
const codeField = 'payload'
/** Characters of one step of a path. */
const stepMax = 80

/** Refuses a literal of a document, given the argument or input field that it is for. */
export const refuseText: RefuseText = (text, field) =>
  field !== codeField && holdsCardNumber(text) ? { code: 'PAN_REFUSED', message: problems.PAN_REFUSED } : null
