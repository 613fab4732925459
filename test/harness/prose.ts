// Extracts the sentences that people read from source files, and finds words that the style guide bans in them.

/** A banned word, and where it occurs. */
export interface BannedWord {
  readonly word: string
  /** 1, 2, 3 … */
  readonly line: number
  readonly sentence: string
}

/**
 * Words that hide the subject of a sentence, or make a machine talk. Each row: a pattern and the plain words to use instead.
 * `docs/style.md` gives the rules.
 */
export const bannedWords: readonly (readonly [pattern: string, instead: string])[] = [
  ['who|whom|whoever|whomever', 'the part of the system that acts'],
  ['some(body|one)|any(body|one)|every(body|one)|nobody|no one', 'the process, the client, the caller'],
  ['told|tell|tells|telling', 'reported, notified, delivered'],
  ['hears?|heard', 'receives, received'],
  ['says?|said|saying', 'states, reports, returns'],
  ['asks?|asked|asking', 'requests, calls, queries'],
  ['knows?|knew', 'stores, caches, reads'],
  ['looks?|looked|looking', 'reads, checks'],
  ['anew', 'again, from the start'],
  ['so many|so long|so often', 'at most N, how long, how often'],
  ['of then|of before', 'earlier, previous'],
  ['go on|goes on|going on|went on|gone on', 'resume, continue'],
  ['lets? go( of)?|letting go|gives? up', 'delete, release, abandon'],
  ['comes? of|came of|coming of', 'result'],
  ['mend(s|ed|ing)?', 'fix, repair'],
  ['for itself|no longer stands?', 'expired'],
]

const banned = new RegExp(
  `(?<![\\w-])(?:${bannedWords.map(([pattern]) => pattern).join('|')})(?![\\w-])`,
  'gi',
)

/** Text in double curly quotes or backticks is quoted, not said by this project. */
const withoutQuotations = (text: string): string =>
  text.replaceAll(/“[^”]*”|`[^`]*`/g, (quoted) => ' '.repeat(quoted.length))

/** The banned words in what `file` says to people: comments, messages, test titles, SDL descriptions, documentation. */
export function findBannedWords(file: string, text: string): BannedWord[] {
  return proseOf(file, text).flatMap(({ line, sentence }) =>
    [...withoutQuotations(sentence).matchAll(banned)].map(([word]) => ({ word, line, sentence })),
  )
}

interface Prose {
  readonly line: number
  readonly sentence: string
}

function proseOf(file: string, text: string): Prose[] {
  if (file.endsWith('.md')) return linesOf(text.replaceAll(/^```.*?^```/gms, blank))
  if (file.endsWith('.graphql')) return matches(text, /"""[\s\S]*?"""|"[^"\n]*"|#.*/g)
  return matches(text, source).filter(({ sentence }) => /^\/[/*]/.test(sentence) || isSentence(sentence))
}

/** Comments, and string and template literals; regular expressions are not recognised and may not hold an odd quote. */
const source =
  /\/\*[\s\S]*?\*\/|(?<![:'"`\\])\/\/.*|'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"|`(?:[^`\\$]|\\.|\$(?!\{)|\$\{[^}]*\})*`/g

/** A literal that people read: at least three words, and no GraphQL document. */
const isSentence = (literal: string): boolean =>
  /[a-zA-Z’]+ [^\s]+ [a-zA-Z’]/.test(literal) &&
  !/[{]\s*\w+|\bquery\b.*\{/.test(literal.replaceAll(/\$\{[^}]*\}/g, ''))

function matches(text: string, pattern: RegExp): Prose[] {
  return [...text.matchAll(pattern)].flatMap(({ 0: match, index }) => {
    const line = text.slice(0, index).split('\n').length
    return match.split('\n').map((sentence, n) => ({ line: line + n, sentence }))
  })
}

const linesOf = (text: string): Prose[] => text.split('\n').map((sentence, n) => ({ line: n + 1, sentence }))

const blank = (block: string): string => block.replaceAll(/[^\n]/g, '')
