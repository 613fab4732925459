// Names as they are searched: words in lower case, without accents, also where a script puts no spaces between them.

/** Scripts that run words together. */
const runTogether =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}]/u
const segmenter = new Intl.Segmenter('zh', { granularity: 'word' })

/** Characters of a word that are kept: as many as a search may have. */
export const wordLengthMax = 40
const wordsMax = 24

/** Lower case, compatibility forms and accents gone: "Café" and "ＣＡＦＥ" are "cafe". */
export function fold(text: string): string {
  const plain = isAscii(text) ? text : text.normalize('NFKD').replace(/[\u0300-\u036F]/g, '')
  return plain.toLowerCase().trim()
}

/** The words that a client wrote, folded; none when there is no letter or digit in it. */
export function searchWords(text: string): string[] {
  const folded = fold(text)
  return folded.match(isAscii(folded) ? /[a-z0-9]+/g : /[\p{L}\p{N}\p{M}]+/gu) ?? []
}

/**
 * What a search for a merchant may begin with. Where words run together, all that follows a word's beginning in the same
 * run: "南京路咖啡" gives itself, "路咖啡" and "咖啡", so that a search may go on over the word's end.
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

const restsOf = (run: string): string[] => Array.from(segmenter.segment(run), ({ index }) => run.slice(index))
