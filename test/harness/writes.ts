// Finds the writes of single documents in source text, and the filter of each.

export interface Write {
  readonly line: number
  /** The text of its filter. */
  readonly filter: string
}

const call = /\.(?:updateOne|deleteOne|replaceOne|findOneAnd\w+)\(/g
/** In a list of writes for `bulkWrite` or `updateAll`. */
const listed = /(?<!\$)\bfilter: /g

export function writesIn(source: string): Write[] {
  return [...source.matchAll(call), ...source.matchAll(listed)].flatMap(({ 0: found, index }) => {
    const start = index + found.length
    const text = argumentAt(source, start)
    const filter = text.startsWith('{') ? text : definitionOf(source, text)
    // A `filter: Document` of a type is no write.
    return filter === null ? [] : [{ line: source.slice(0, start).split('\n').length, filter }]
  })
}

/** The text from `start` up to the comma or bracket that ends it. */
function argumentAt(source: string, start: number): string {
  let depth = 0
  for (let n = start; n < source.length; n++) {
    const letter = source[n]!
    if (depth === 0 && /[,)}\n]/.test(letter) && source.slice(start, n).trim() !== '') {
      return source.slice(start, n).trim()
    }
    if (/[({[]/.test(letter)) depth++
    if (/[)}\]]/.test(letter)) depth--
  }
  return source.slice(start)
}

/** The object that a name stands for; null when the file has none. */
function definitionOf(source: string, name: string): string | null {
  const escaped = name.replace('this.', '').replaceAll(/[^\w#]/g, '')
  return new RegExp(`(?:const |this\\.)${escaped} = (\\{[^}]*\\})`).exec(source)?.[1] ?? null
}
