import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createCursors } from '../../../subgraphs/shared/cursor.ts'

const cursors = createCursors('a secret')

describe('a cursor', () => {
  test('is decoded to its position by any hub with the same secret', () => {
    fc.assert(
      fc.property(fc.bigInt(0n, 2n ** 63n - 1n), (position) => {
        expect(createCursors('a secret').decode(cursors.encode(position))).toBe(position)
      }),
    )
  })

  test('is refused when any of its characters has changed', () => {
    const cursor = cursors.encode(42n)
    for (let at = 0; at < cursor.length; at++) {
      const changed = cursor.slice(0, at) + (cursor[at] === 'A' ? 'B' : 'A') + cursor.slice(at + 1)
      expect(cursors.decode(changed)).toMatchObject({ code: 'CURSOR_INVALID', path: ['after'] })
    }
  })

  test.each(['', 'x', 'AQ', `${cursors.encode(1n)}=`, createCursors('another secret').encode(1n)])(
    'of another origin is refused: %s',
    (cursor) => {
      expect(cursors.decode(cursor)).toMatchObject({ code: 'CURSOR_INVALID' })
    },
  )

  test('does not reveal its position: cursors of near positions have no bytes in common', () => {
    const bytes = [1n, 2n, 3n, 256n].map((position) => Buffer.from(cursors.encode(position), 'base64url'))
    for (const [n, one] of bytes.entries()) {
      for (const other of bytes.slice(n + 1)) {
        const equal = one.filter((byte, at) => byte === other[at]).length
        expect(equal).toBeLessThan(4)
      }
      expect(one.includes(Buffer.from([0, 0, 0]))).toBe(false)
    }
  })
})
