// Words of names for search: lower case, without accents, also in scripts without spaces between words.

/** Scripts that put no spaces between words. */
const runTogether =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}]/u
const segmenter = new Intl.Segmenter('zh', { granularity: 'word' })

/** Characters of a word that are indexed; a search has at most as many. */
export const wordLengthMax = 40
const wordsMax = 24

/** Lower case without compatibility forms and accents: "Café" and "ＣＡＦＥ" become "cafe". */
export function fold(text: string): string {
  const plain = isAscii(text) ? text : text.normalize('NFKD').replace(/[\u0300-\u036F]/g, '')
  return plain.toLowerCase().trim()
}

/** The folded words of a search; empty when it has no letter or digit. */
export function searchWords(text: string): string[] {
  const folded = fold(text)
  return folded.match(isAscii(folded) ? /[a-z0-9]+/g : /[\p{L}\p{N}\p{M}]+/gu) ?? []
}

/**
 * The words that a search is matched against, by their beginnings. In scripts without spaces, each word is
 * followed by the rest of its run: "南京路咖啡" gives itself, "路咖啡" and "咖啡", so that a search can span several
 * words.
 */
export function wordsOf(...names: readonly (string | null)[]): string[] {
  const words = new Set<string>()
  for (const name of names) {
    for (const word of name === null ? [] : searchWords(name)) {
      for (const rest of !isAscii(word) && runTogether.test(word) ? restsOf(word) : [word])
        words.add(rest.slice(0, wordLengthMax))
    }
  }
  return [...words].slice(0, wordsMax)
}

const isAscii = (text: string): boolean => /^[\x20-\x7E]*$/.test(text)

/** Segmenting takes microseconds, and names of an import share their runs. */
const cachedRests = new Map<string, readonly string[]>()
const cachedRestsMax = 20_000

function restsOf(run: string): readonly string[] {
  let rests = cachedRests.get(run)
  if (!rests) {
    rests = Array.from(segmenter.segment(run), ({ index }) => run.slice(index))
    if (cachedRests.size >= cachedRestsMax) cachedRests.clear()
    cachedRests.set(run, rests)
  }
  return rests
}
