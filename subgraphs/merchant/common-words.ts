// Common words of names, such as the noun of a category or a word in every name: too many merchants have one
// for an index to count them. They are part of the profile, so the count cube counts them, and the index on
// words leaves them out.
//
// A word is common when it follows from what merchants are counted by anyway: in each country and category,
// nearly every merchant has it, or nearly none. Then it adds few profiles to the cube.

import type { Db } from 'mongodb'
import type { Merchant } from './merchant.ts'
import { wordsOf } from './search-words.ts'

/** The folded words of the names of one merchant. */
export interface NameWords {
  readonly rare: readonly string[]
  readonly common: readonly string[]
}

export type CommonWords = ReadonlySet<string>

export function nameWordsOf({ name, localName }: Merchant, commonWords: CommonWords): NameWords {
  const words = wordsOf(name, localName)
  if (commonWords.size === 0) return { rare: words, common: [] }
  return {
    rare: words.filter((word) => !commonWords.has(word)),
    common: words.filter((word) => commonWords.has(word)),
  }
}

/** Finds words as `nameWordsOf`, and caches them: many merchants of an import have the same names. */
export class NameWordsCache {
  readonly #common: CommonWords
  readonly #known = new Map<string, { readonly localName: string | null; readonly words: NameWords }>()

  constructor(common: CommonWords) {
    this.#common = common
  }

  of(merchant: Merchant): NameWords {
    const { name, localName } = merchant
    let known = this.#known.get(name)
    if (known?.localName !== localName) {
      if (this.#known.size >= cachedNamesMax) this.#known.clear()
      this.#known.set(name, (known = { localName, words: nameWordsOf(merchant, this.#common) }))
    }
    return known.words
  }
}

const cachedNamesMax = 20_000

/** A common word is in at least this share of the names of a sample. */
const shareMin = 1 / 1_000
/** In a country and category, at least this share of the names has the word, or at most the rest. */
const nearlyAll = 0.95
const commonMax = 500

/** The common words of a sample of the merchants that are to be imported. */
export function chooseCommonWords(sample: Iterable<Merchant>): CommonWords {
  const groupSizes = new Map<string, number>()
  const groupsOf = new Map<string, Map<string, number>>()
  let total = 0
  for (const merchant of sample) {
    total += 1
    const group = `${merchant.country}|${merchant.mcc}`
    groupSizes.set(group, (groupSizes.get(group) ?? 0) + 1)
    for (const word of wordsOf(merchant.name, merchant.localName)) {
      let groups = groupsOf.get(word)
      if (!groups) groupsOf.set(word, (groups = new Map()))
      groups.set(group, (groups.get(group) ?? 0) + 1)
    }
  }
  const countOf = (groups: ReadonlyMap<string, number>) => groups.values().reduce((sum, n) => sum + n, 0)
  const isCommon = (groups: ReadonlyMap<string, number>): boolean => {
    const count = countOf(groups)
    if (count < total * shareMin || count < 2) return false
    const inFull = groups.entries().filter(([group, n]) => n >= groupSizes.get(group)! * nearlyAll)
    return inFull.reduce((sum, [, n]) => sum + n, 0) >= count * nearlyAll
  }
  const chosen = [...groupsOf].filter(([, groups]) => isCommon(groups))
  const frequentFirst = chosen.toSorted(([, a], [, b]) => countOf(b) - countOf(a))
  return new Set(frequentFirst.slice(0, commonMax).map(([word]) => word))
}

interface StoredWords {
  readonly _id: 'commonWords'
  readonly words: readonly string[]
}

const stateOf = (db: Db) => db.collection<StoredWords>('merchantState')

export async function readCommonWords(db: Db): Promise<CommonWords> {
  return new Set((await stateOf(db).findOne({ _id: 'commonWords' }))?.words)
}

/** Changes them for merchants that are stored later: all earlier merchants must be replaced. */
export async function saveCommonWords(db: Db, words: CommonWords): Promise<void> {
  await stateOf(db).replaceOne({ _id: 'commonWords' }, { words: [...words] }, { upsert: true })
}
