import { describe, expect, test } from 'vitest'
import { fold, searchWords, wordsOf } from '../../../subgraphs/merchant/search-words.ts'

const isFound = (search: string, ...names: (string | null)[]): boolean =>
  searchWords(search).every((wanted) => wordsOf(...names).some((word) => word.startsWith(wanted)))

describe('searching for a merchant by name', () => {
  test.each([
    ['golden', 'Golden Lotus Café'],
    ['lot', 'Golden Lotus Café'],
    ['cafe', 'Golden Lotus Café'],
    ['CAFÉ', 'golden lotus cafe'],
    ['lotus gol', 'Golden Lotus Café'],
    ['７-eleven', '7-Eleven'],
    ['南京路', '上海南京路咖啡馆'],
    ['咖啡', '上海南京路咖啡馆'],
    ['ラーメン', '東京ラーメン横丁'],
    ['กาแฟ', 'ร้านกาแฟริมน้ำ'],
    ['서울', '서울식당'],
    ['dak', 'Đak Coffee'.replace('Đ', 'D')],
  ])('"%s" finds %s', (search, name) => {
    expect(isFound(search, 'Some Other Shop', name)).toBe(true)
  })

  test.each([
    ['otus', 'Golden Lotus Café'],
    ['golden tulip', 'Golden Lotus Café'],
    ['海南', '上海南京路咖啡馆'],
  ])('"%s" does not find %s: no word begins with it', (search, name) => {
    expect(isFound(search, name)).toBe(false)
  })

  test('words are found in either name', () => {
    expect(isFound('lotus 咖啡', 'Golden Lotus', '金莲咖啡')).toBe(true)
  })

  test('signs alone are not words', () => {
    expect(searchWords('!? —')).toEqual([])
  })

  test('folding keeps vowel signs that are letters', () => {
    expect(fold('ក៏')).toBe('ក៏')
    expect(fold('Ünïted ＣＡＦＥ')).toBe('united cafe')
  })
})
