// Extracts the sentences that people read from source files, and finds words that the style guide bans in
// them.

import { textsOf, type Text } from './texts.ts'

/** A banned word, and where it occurs. */
export interface BannedWord {
  readonly word: string
  readonly instead: string
  /** 1, 2, 3 … */
  readonly line: number
  readonly sentence: string
}

/**
 * Words that hide the subject of a sentence, or make a machine talk. Each row: a pattern, and the plain
 * words to use instead. `docs/style.md` gives the rules.
 */
export const bannedWords: readonly (readonly [pattern: string, instead: string])[] = [
  ['who|whom|whoever|whomever', 'the part of the system that acts'],
  ['some(body|one)|any(body|one)|every(body|one)|nobody|no one', 'the process, the client, the caller'],
  ['told|tell|tells|telling', 'reported, notified, delivered'],
  ['hears?|heard', 'receives, received'],
  ['says?|said|saying', 'states, reports, returns'],
  ['asks?|asked|asking', 'requests, calls, queries'],
  ['knows?|knew|knowing', 'stores, caches, reads'],
  ['looks?|looked|looking', 'reads, checks'],
  ['thinks?|believes?|learns?|learnt', 'assumes, detects'],
  ['forgets?|forgot|forgotten', 'deletes, expires'],
  ['anew', 'again, from the start'],
  ['so many|so long|so often', 'at most N, how long, how often'],
  ['of then|of before', 'earlier, previous'],
  ['go on|goes on|going on|went on|gone on', 'resume, continue'],
  ['lets? go( of)?|letting go|gives? up|gave up', 'delete, release, abandon'],
  ['comes? of|came of|coming of', 'result'],
  ['mend(s|ed|ing)?', 'fix, repair'],
  ['knock(s|ed|ing)?', 'try, connect'],
  ['for itself|no longer stands?', 'expired'],
]

/** One word, and no part of a name such as `$told`, `who-is` or `asked_at`. */
const wordOf = (pattern: string): string => `(?<![\\w$-])(?:${pattern})(?![\\w-])`
const banned = new RegExp(wordOf(bannedWords.map(([pattern]) => pattern).join('|')), 'gi')
const rows = bannedWords.map(([pattern, instead]) => ({
  whole: new RegExp(`^(?:${pattern})$`, 'i'),
  instead,
}))

/** Text in double curly quotes or backticks is quoted, not written by this project. */
const withoutQuotations = (text: string): string =>
  text.replaceAll(/“[^”]*”|`[^`]*`/g, (quoted) => ' '.repeat(quoted.length))

/** Finds banned words in comments, messages, test titles, descriptions of a schema, and documentation. */
export function findBannedWords(file: string, text: string): BannedWord[] {
  return textsOf(file, text)
    .flatMap(linesOf)
    .flatMap(({ line, text: sentence }) =>
      [...withoutQuotations(sentence).matchAll(banned)].map(([word]) => ({
        word,
        instead: rows.find(({ whole }) => whole.test(word))!.instead,
        line,
        sentence,
      })),
    )
}

/** The lines of comments that are longer than `max` characters, by number. */
export function longCommentLines(file: string, text: string, max: number): number[] {
  const lines = text.split('\n')
  const commented = textsOf(file, text)
    .filter(({ isComment }) => isComment)
    .flatMap(linesOf)
  return [...new Set(commented.map(({ line }) => line))].filter((line) => lines[line - 1]!.length > max)
}

const linesOf = ({ line, text, isComment }: Text): Text[] =>
  text.split('\n').map((one, n) => ({ line: line + n, text: one, isComment }))
