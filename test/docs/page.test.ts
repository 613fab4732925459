import { describe, expect, test } from 'vitest'
import { asShown, blocksOf, hasLines, isRefused, jsonIn, typesOf } from './page.ts'

describe('a page', () => {
  test('has blocks with a language, a role and a line', () => {
    const markdown = 'Pay:\n\n```sh stream\nfollow KEY\n```\n\n```json\n{}\n```\n'
    expect(blocksOf(markdown)).toEqual([
      { line: 3, language: 'sh', role: 'stream', text: 'follow KEY\n' },
      { line: 7, language: 'json', role: '', text: '{}\n' },
    ])
  })

  test('finds JSON among other lines of an output', () => {
    expect(jsonIn('ready\n{"a":1}\n\n{"b":[2]}\n')).toEqual([{ a: 1 }, { b: [2] }])
  })

  test.each([
    { when: 'equal', found: { id: 'a-1' }, shown: { id: 'a-1' }, isEqual: true },
    { when: 'different', found: { id: 'a-1' }, shown: { id: 'a-2' }, isEqual: false },
    { when: 'described by …', found: { id: 'a-1' }, shown: { id: 'a-…' }, isEqual: true },
    { when: 'not described by …', found: { id: 'b-1' }, shown: { id: 'a-…' }, isEqual: false },
    { when: 'a number where … is', found: { id: 1 }, shown: { id: '…' }, isEqual: false },
    { when: 'of more members', found: { id: 'a', more: 1 }, shown: { id: '…' }, isEqual: false },
    { when: 'a list with other elements', found: ['a', 'c'], shown: ['…', 'b'], isEqual: false },
  ])('compares a value that is $when', ({ found, shown, isEqual }) => {
    if (isEqual) expect(asShown(found, shown)).toEqual(shown)
    else expect(asShown(found, shown)).not.toEqual(shown)
  })

  test('compares figures by their types and members', () => {
    expect(typesOf({ merchants: 7, keys: ['RETAIL'] })).toEqual({ merchants: 'number', keys: ['string'] })
  })

  test.each([
    { shown: 'one\nthree', has: true },
    { shown: 'three\none', has: false },
    { shown: 'id: …', has: true },
    { shown: 'on', has: false },
  ])('compares the lines of a stream in order: $shown', ({ shown, has }) => {
    expect(hasLines('one\nid: 17\ntwo\nthree\n', shown)).toBe(has)
  })

  test.each([
    { output: '{"data":{"pay":{"__typename":"PaymentReceipt"}}}', is: false },
    { output: '{"data":{"pay":{"code":"NOT_FOUND","message":"…"}}}', is: true },
    { output: '{"errors":[{"message":"…"}]}', is: true },
  ])('recognises an output that reports a refusal: $output', ({ output, is }) => {
    expect(isRefused(output)).toBe(is)
  })
})
