import { describe, expect, test } from 'vitest'
import { en } from '../../portal/app/words/en.ts'
import { categories, cities, problems, reasons } from '../../portal/app/words/zh-names.ts'
import { zh } from '../../portal/app/words/zh.ts'
import { mccByCode } from '../../schema/values/mcc.ts'
import { problems as problemCodes } from '../../schema/values/problems.ts'
import { reasons as reasonCodes } from '../../schema/values/reasons.ts'

/** The path of each text, and what kind of text it is. */
function pathsOf(words: object, path = ''): string[] {
  return Object.entries(words)
    .filter(([name]) => !(path === '' && name === 'names'))
    .flatMap(([name, value]: [string, unknown]) =>
      typeof value === 'object' && value !== null
        ? pathsOf(value, `${path}${name}.`)
        : [`${path}${name}: ${typeof value}`],
    )
    .toSorted()
}

describe('the texts of the portal', () => {
  test('have the same members in both languages', () => {
    expect(pathsOf(zh)).toEqual(pathsOf(en))
    expect(pathsOf(en).length).toBeGreaterThan(300)
  })

  test('are in Chinese where they are not names', () => {
    const english = new Set(pathsOf(en).map((path) => path.split(': ')[0]))
    const textAt = (words: object, path: string): unknown =>
      path.split('.').reduce<unknown>((at, name) => (at as Record<string, unknown>)[name], words)
    const same = [...english].filter((path) => {
      const text = textAt(zh, path!)
      return typeof text === 'string' && text !== '' && text === textAt(en, path!) && /[a-z]{4}/.test(text)
    })
    expect(same).toEqual([])
  })
})

describe('names in Chinese', () => {
  const codes = Array.from({ length: 10_000 }, (_, n) => String(n).padStart(4, '0'))
  test.each([
    { of: 'every category', names: categories, keys: codes.filter((code) => mccByCode(code)) },
    { of: 'every problem code', names: problems, keys: Object.keys(problemCodes) },
    { of: 'every reason', names: reasons, keys: Object.keys(reasonCodes) },
  ])('exist for $of, and for no other', ({ names, keys }) => {
    expect([...names.keys()].toSorted()).toEqual(keys.toSorted())
  })

  test('exist for the large cities', () => {
    expect(cities.get('Shanghai')).toBe('上海')
    expect([...cities.values()].filter((name) => !/^\p{Script=Han}/u.test(name))).toEqual([])
  })
})
