// Splits a file into the texts that people read: comments and sentences in TypeScript, descriptions and
// comments in SDL, everything but code in Markdown, and comments in other files.

/** A comment, a literal or a paragraph, which may have several lines. */
export interface Text {
  /** The number of its first line: 1, 2, 3 … */
  readonly line: number
  readonly text: string
  readonly isComment: boolean
}

export function textsOf(file: string, source: string): Text[] {
  if (/\.(ts|js|mjs)$/.test(file)) return textsOfScript(source)
  if (file.endsWith('.graphql')) return textsOfSdl(source)
  if (file.endsWith('.md')) return [{ line: 1, text: withoutCode(source), isComment: false }]
  return matches(source, /^\s*(?:#|\/\/).*/gm).map((text) => ({ ...text, isComment: true }))
}

const textsOfSdl = (source: string): Text[] =>
  matches(source, /"""[\s\S]*?"""|"(?:[^"\\\n]|\\.)*"|#.*/g).map((text) => ({ ...text, isComment: true }))

/**
 * Markdown without fenced blocks, HTML comments and the targets of links. Inline code is kept: it is in
 * backticks.
 */
const withoutCode = (source: string): string =>
  source.replaceAll(/^ *```[\s\S]*?^ *```|<!--[\s\S]*?-->|(?<=\])\([^)\n]*\)|https?:[^\s)>]+/gm, blank)

function matches(source: string, pattern: RegExp): Omit<Text, 'isComment'>[] {
  return [...source.matchAll(pattern)].map(({ 0: text, index }) => ({ line: lineAt(source, index), text }))
}

/** The kinds of tokens that matter here. Templates and regular expressions need their context. */
const token = new RegExp(
  [
    /(?<comment>\/\/.*|\/\*[\s\S]*?\*\/)/,
    /(?<literal>'(?:[^'\\\n]|\\[\s\S])*'|"(?:[^"\\\n]|\\[\s\S])*")/,
    /(?<name>[\w$#]+)/,
    /(?<space>\s+)/,
    /(?<other>[\s\S])/,
  ]
    .map(({ source }) => source)
    .join('|'),
  'y',
)
const regularExpression = /\/(?![/*])(?:[^/\\[\n]|\\.|\[(?:[^\]\\\n]|\\.)*\])+\/[a-z]*/y
const templatePart = /(?:[^`\\$]|\\[\s\S]|\$(?!\{))*/y
/** After these a slash begins a regular expression; after a value it divides. */
const beforeExpression =
  /^(?:|[^\w$)\]}'"`/]|return|typeof|case|in|of|delete|void|throw|new|do|else|await|yield)$/

/** Comments, and the string and template literals that read as sentences. */
function textsOfScript(source: string): Text[] {
  const texts: Text[] = []
  const add = (at: number, text: string, isComment = false): void => {
    if (isComment || isSentence(text)) texts.push({ line: lineAt(source, at), text, isComment })
  }
  let at = 0
  const read = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = at
    const match = pattern.exec(source)
    if (match) at = pattern.lastIndex
    return match
  }
  /**
   * Reads a template after its first backtick: the code in it is replaced by a space, and its own texts are
   * added.
   */
  const readTemplate = (from: number): void => {
    let text = ''
    for (;;) {
      text += read(templatePart)![0]
      const isEnd = source[at] !== '$'
      at += isEnd ? 1 : 2
      if (isEnd) break
      const codeFrom = at
      readCode()
      text += blank(source.slice(codeFrom, at)) + ' '
    }
    add(from, unescaped(text))
  }
  /** Reads to the brace that closes this code, or to the end. */
  const readCode = (): void => {
    let depth = 0
    let before = ''
    while (at < source.length) {
      const from = at
      if (beforeExpression.test(before) && read(regularExpression)) {
        before = '/'
        continue
      }
      const { comment, literal, name, space } = read(token)!.groups!
      const text = source.slice(from, at)
      if (comment !== undefined) add(from, comment, true)
      if (literal !== undefined) add(from, unescaped(literal.slice(1, -1)))
      if (text === '`') readTemplate(from)
      if (text === '{') depth++
      if (text === '}' && depth-- === 0) return
      if (comment === undefined && space === undefined) before = name ?? text.at(-1)!
    }
  }
  readCode()
  if (at < source.length) throw new Error(`a brace closes nothing on line ${lineAt(source, at)}`)
  return texts
}

/** A literal that people read: at least two words, and no code of another language. */
const isSentence = (literal: string): boolean =>
  /[a-zA-Z’]{2,} +\S*[a-zA-Z’]/.test(literal) && !/[{}]/.test(literal)

const unescaped = (literal: string): string =>
  literal.replaceAll(/\\[nrt]/g, '  ').replaceAll(/\\(?=[^\n])/g, ' ')

const blank = (text: string): string => text.replaceAll(/[^\n]/g, '')

const lineAt = (source: string, index: number): number => source.slice(0, index).split('\n').length
