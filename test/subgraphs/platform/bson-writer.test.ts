import { BSON, Decimal128, ObjectId } from 'mongodb'
import { describe, expect, test } from 'vitest'
import { writeBson } from '../../../subgraphs/platform/mongo/bson-writer.ts'

const driver = (document: object) => Buffer.from(BSON.serialize(document, { ignoreUndefined: true }))

describe('a document as BSON has the bytes of the driver', () => {
  test.each<[string, object]>([
    ['without members', {}],
    [
      'of texts',
      { empty: '', ascii: 'Diner', accents: 'Phúc Lộc', chinese: '福海 饭店（示例）', pair: 'a😀é' },
    ],
    ['of a long text', { text: 'ครัว '.repeat(50_000) }],
    ['of names beyond ASCII', { größe: 1, 価格: 2 }],
    ['of integers', { zero: 0, one: 1, negative: -1, max: 2 ** 31 - 1, min: -(2 ** 31) }],
    ['of doubles', { half: 0.5, zero: -0, large: 2 ** 31, small: -(2 ** 31) - 1, nan: NaN, end: -Infinity }],
    ['of bigints', { one: 1n, negative: -1n, max: 2n ** 63n - 1n, min: -(2n ** 63n) }],
    ['of dates', { now: new Date('2026-11-01T12:34:56.789Z'), early: new Date(-1), edge: new Date(2 ** 32) }],
    ['of nothing', { null: null, left: undefined, yes: true, no: false }],
    ['of lists', { empty: [], mixed: [1, 'two', [3n], { four: 4 }, null, undefined, new Date(5)] }],
    ['of a long list', { list: Array.from({ length: 1_200 }, (_, n) => n) }],
    ['of bytes', { bytes: new Uint8Array([1, 2, 255]), none: Buffer.alloc(0) }],
    ['of decimals', { sum: Decimal128.fromString('12345678901234567890.5') }],
    [
      'of maps',
      {
        counts: new Map([
          ['b', 1],
          ['a', 2],
        ]),
      },
    ],
    ['of documents', { a: { b: { c: { d: {} } } }, e: { f: 1 } }],
  ])('%s', (_, document) => {
    expect(writeBson([document]).equals(driver(document))).toBe(true)
  })
})

test('documents follow each other, and a later call leaves them as they are', () => {
  const documents = [{ _id: 1, name: 'x'.repeat(3_000_000) }, { _id: 2 }]
  const written = writeBson(documents)
  writeBson([{ other: 'y'.repeat(100) }])
  expect(written.equals(Buffer.concat(documents.map(driver)))).toBe(true)
})

test.each([[new ObjectId()], [() => 1], [Symbol('s')]])('a value of another type is a bug: %s', (value) => {
  expect(() => writeBson([{ value }])).toThrow(TypeError)
})
