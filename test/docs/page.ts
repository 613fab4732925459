// A page of the documentation as a session: its shell blocks, and the outputs that it shows.
//
// ```sh            runs in the page's shell.
// ```sh stream     runs in the background until the page ends; the next block runs once it has printed
// something. ```sh no-run     is not run: it starts or stops what the tests start themselves, or never
// ends. ```json          is the output of the block before it: one JSON value a block, the last values of
// the output. ```json figures  is the same, but only members and types are compared: the values depend on
// the data set. ```text output   is the output of the block before it: these lines, in this order, possibly
// with others between them. ```text stream   is the same for the output of the latest stream so far. In an
// output, … stands for any text. Other blocks are illustrations.

export interface Block {
  /** 1, 2, 3 … */
  readonly line: number
  readonly language: string
  /** The rest of the info string: `stream`, `no-run`, `figures`, `output`, or nothing. */
  readonly role: string
  readonly text: string
}

/** All fenced blocks of a Markdown page, in order. */
export const blocksOf = (markdown: string): Block[] =>
  [...markdown.matchAll(/^```(\w+) *(\S*)\n([\s\S]*?)^```$/gm)].map((match) => ({
    line: markdown.slice(0, match.index).split('\n').length,
    language: match[1]!,
    role: match[2]!,
    text: match[3]!,
  }))

/** The JSON values among the lines of an output. */
export const jsonIn = (output: string): unknown[] =>
  output.split('\n').flatMap((line) => (line.startsWith('{') ? [JSON.parse(line) as unknown] : []))

/** True when an output reports a refusal or an error that its page does not show. */
export const isRefused = (output: string): boolean => /"errors":|"code":"[A-Z_]+"/.test(output)

/** True when the lines of `shown` occur in `output`, in this order. */
export function hasLines(output: string, shown: string): boolean {
  const patterns = shown.trim().split('\n').map(patternOf)
  let next = 0
  for (const line of output.split('\n')) if (patterns[next]?.test(line.trimEnd())) next++
  return next === patterns.length
}

/**
 * `found` as the page shows it: each text that a text of `shown` with … describes is replaced by that text.
 */
export function asShown(found: unknown, shown: unknown): unknown {
  if (typeof shown === 'string' && typeof found === 'string')
    return patternOf(shown).test(found) ? shown : found
  return mapMembers(found, (member, key) => asShown(member, (shown as Members | null)?.[key]))
}

/** A value with the name of its type in place of every number and text. */
export const typesOf = (value: unknown): unknown =>
  typeof value === 'object' && value !== null ? mapMembers(value, typesOf) : typeof value

type Members = Readonly<Record<string, unknown>>

function mapMembers(value: unknown, map: (member: unknown, key: string) => unknown): unknown {
  if (Array.isArray(value)) return value.map((member, index) => map(member, String(index)))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, map(member, key)]))
}

const patternOf = (text: string): RegExp =>
  new RegExp(
    `^${text
      .trimEnd()
      .split('…')
      .map((part) => RegExp.escape(part))
      .join('.+')}$`,
  )
