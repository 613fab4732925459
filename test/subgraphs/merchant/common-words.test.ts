import { describe, expect, test } from 'vitest'
import { chooseCommonWords, nameWordsOf } from '../../../subgraphs/merchant/common-words.ts'
import { aDataset } from '../../fixtures/a-dataset.ts'
import { aMerchant } from '../../fixtures/a-merchant.ts'

const named = (name: string, mcc: string, n: number) => aMerchant({ mid: `${mcc}${n}`, name, mcc })

describe('common words', () => {
  test('are in all names, or in all names of a category', () => {
    const firsts = ['Fu', 'Long', 'Ming', 'Hua', 'An']
    const sample = firsts.flatMap((first, n) => [
      named(`${first} Diner (demo)`, '5812', n),
      named(`${first} Bakery (demo)`, '5462', n),
    ])
    expect([...chooseCommonWords(sample)].toSorted()).toEqual(['bakery', 'demo', 'diner'])
  })

  test('are apart from the rare words of a name', () => {
    const words = nameWordsOf(
      aMerchant({ name: 'Fu Diner (demo)', localName: '福饭店' }),
      new Set(['diner', 'demo']),
    )
    expect(words.common).toEqual(['diner', 'demo'])
    expect(words.rare).toContain('fu')
  })

  test('of the data set are at least half of its words, and hardly add profiles', () => {
    const merchants = [...aDataset(1, 0.001).merchants]
    const common = chooseCommonWords(merchants)
    expect(common).toContain('demo')
    expect(common).toContain('hotel')
    const all = merchants.map((merchant) => nameWordsOf(merchant, common))
    const rare = all.reduce((sum, words) => sum + words.rare.length, 0)
    expect(rare).toBeLessThan(all.reduce((sum, words) => sum + words.common.length, 0))
    const kinds = new Set(merchants.map(({ country, mcc }) => `${country} ${mcc}`))
    const kindsWithWords = new Set(
      merchants.map(({ country, mcc }, n) => `${country} ${mcc} ${all[n]!.common.toSorted().join()}`),
    )
    expect(kindsWithWords.size).toBeLessThan(kinds.size * 1.5)
  })
})
