// Codes of every kind, damaged at random. QR_MUTATIONS sets their number; 200,000 take some minutes.

import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { encodeCpm, QrError, readCode } from '../../../schema/qr/index.ts'
import type { QrProfile } from '../../../schema/qr/index.ts'
import { sealed } from '../../fixtures/a-code.ts'
import { aPresentedCode } from '../../fixtures/a-presented-code.ts'

const count = Number(process.env['QR_MUTATIONS'] ?? 20_000)
const slowMs = 5

const payloadsOf = (file: string): string[] =>
  JSON.parse(readFileSync(new URL(file, import.meta.url), 'utf8')).map(
    ({ payload }: { payload: string }) => payload,
  )

const seeds = [
  ...payloadsOf('qr-cases.json'),
  ...payloadsOf('field-cases.json'),
  encodeCpm(aPresentedCode()),
  'upi://pay?pa=shop@bank&pn=Ravi Kumar Store',
  'https://qr.95516.com/00010000/62252493337689950597974747422472',
]

/** Texts that break readers: signs, lengths, invisible and astral characters, and long runs. */
const scraps = [
  '', '0', '00', '99', '6304', '5402', '5303156', '62', '0000', '9999', '-', ',', '.', '&', '=', '@', '\\', '\0', ' ',
  '\n', '\u200B', '\uFEFF', '\uD83C', '🍵', 'é', '茶', '٥', '%2F', '://', 'pa=', 'hQVDUFY', 'constructor', '__proto__',
  ' '.repeat(500), '0000'.repeat(200), '&pa='.repeat(200), '\u200B'.repeat(300), 'YQA'.repeat(200),
] // prettier-ignore

/** Whole numbers below `max`, the same in every run (Mulberry32). */
function randomNumbers(seed: number): (max: number) => number {
  let state = seed
  return (max) => {
    state = (state + 0x6d2b79f5) | 0
    let bits = Math.imul(state ^ (state >>> 15), 1 | state)
    bits = (bits + Math.imul(bits ^ (bits >>> 7), 61 | bits)) ^ bits
    return ((bits ^ (bits >>> 14)) >>> 0) % max
  }
}

type Below = (max: number) => number

/** Replaces, inserts, removes or repeats a part of `text`. */
function damaged(text: string, below: Below): string {
  const from = below(text.length + 1)
  const to = Math.min(text.length, from + below(4))
  const scrap = below(2) ? scraps[below(scraps.length)]! : String.fromCharCode(0x20 + below(0x60))
  const replacement = [scrap, '', text.slice(from, to).repeat(2), text.slice(below(text.length + 1))]
  return text.slice(0, from) + replacement[below(3 + Number(below(20) === 0))]! + text.slice(to)
}

/** A checksum or base64 that fits lets damage through to the content. */
function repaired(text: string, below: Below): string {
  if (text.startsWith('0') && below(4) > 0) return sealed(text.slice(0, -8))
  if (!text.startsWith('hQVDUFY') || below(4) === 0) return text
  const bytes = Buffer.from(text, 'base64')
  for (let n = below(3); n > 0 && bytes.length > 0; n--) bytes[below(bytes.length)] = below(256)
  return bytes.toString('base64')
}

/** Reads `text`; throws an error that is not a valid `QrError`. Returns the time in milliseconds. */
function timeToRead(text: string, profile: QrProfile): number {
  const start = performance.now()
  try {
    readCode(text, profile)
  } catch (error) {
    if (!(error instanceof QrError) || error.offset < 0 || error.offset > text.length) throw error
  }
  return performance.now() - start
}

test(`${count} damaged codes of every kind give a code or a QrError, none in over ${slowMs} ms`, () => {
  const below = randomNumbers(7)
  const slow: string[] = []
  for (let n = 0; n < count; n++) {
    let text = seeds[below(seeds.length)]!
    for (let times = 1 + below(3); times > 0; times--) text = damaged(text, below)
    text = repaired(text, below)
    for (const profile of ['STRICT', 'LENIENT'] as const) {
      // Another process may take the processor away: only the best of some readings counts.
      let best = timeToRead(text, profile)
      for (let again = 0; again < 5 && best > slowMs; again++) best = timeToRead(text, profile)
      if (best > slowMs) slow.push(text)
    }
  }
  expect(slow).toEqual([])
}, 600_000)
