// Refusals of codes that the hub does not support, and how a refusal quotes what the client sent.

import { clip, refuse, type Refusal } from './problems.ts'

export const unknownCurrency = (code: string, path: readonly string[]): Refusal =>
  refuse('UNKNOWN_CURRENCY', `the hub does not support the currency ${quoteInput(code)}`, path)

export const unknownCountry = (code: string, path: readonly string[]): Refusal =>
  refuse('UNKNOWN_COUNTRY', `the hub does not support the country ${quoteInput(code)}`, path)

/** `text` in quotes, cut after 40 characters, so that a message stays short whatever a client sends. */
export const quoteInput = (text: string): string => `"${clip(text, quotedMax)}"`

const quotedMax = 40
