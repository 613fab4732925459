// Keyset pages: a cursor is the sort key of a row, so it stays right while rows come and go around it.

import { isRefusal, refuse, type Refusal } from '../../schema/values/problems.ts'

type KeyKind = 'string' | 'number'
type KeyOf<Kinds extends readonly KeyKind[]> = {
  readonly [n in keyof Kinds]: Kinds[n] extends 'string' ? string : number
}

export interface PageArguments {
  readonly first: number
  readonly after?: string | null
}

/** What was asked for: `size` rows whose key comes after `after`; null is from the start. */
export interface Page<Key> {
  readonly size: number
  readonly after: Key | null
}

export interface Connection<Row> {
  readonly edges: readonly { readonly cursor: string; readonly node: Row }[]
  readonly pageInfo: { readonly hasNextPage: boolean; readonly endCursor: string | null }
}

export interface Pages<Key> {
  /** Reads `first` and `after`; refuses with BAD_PAGE or CURSOR_INVALID. */
  read(args: PageArguments): Page<Key> | Refusal
  cursor(key: Key): string
  /** A page from rows that start after `page.after`; ask the store for one more than `page.size`, to see whether more follow. */
  connection<Row>(page: Page<Key>, rows: readonly Row[], keyOf: (row: Row) => Key): Connection<Row>
}

/** Raised when the form changes, so that cursors of another form are refused rather than misread. */
const version = 1
const cursorLengthMax = 1000

/**
 * Pages of one list. `list` is written into each cursor: those of another list (or of the same list in another order, when
 * it has another name) are refused. `key` says what a row's sort key is made of.
 */
export function pagesOf<const Kinds extends readonly KeyKind[]>(
  list: string,
  key: Kinds,
  sizeMax: number,
): Pages<KeyOf<Kinds>> {
  type Key = KeyOf<Kinds>
  const cursor = (values: Key): string =>
    Buffer.from(JSON.stringify([version, list, ...values])).toString('base64url')

  return {
    read({ first, after }) {
      if (!Number.isInteger(first) || first < 1 || first > sizeMax) {
        return refuse('BAD_PAGE', `\`first\` is 1–${sizeMax}, not ${first}`, ['first'])
      }
      if (after === null || after === undefined) return { size: first, after: null }
      const values = decode(after, list, key)
      return isRefusal(values) ? values : { size: first, after: values as unknown as Key }
    },
    cursor,
    connection(page, rows, keyOf) {
      const edges = rows.slice(0, page.size).map((node) => ({ cursor: cursor(keyOf(node)), node }))
      return {
        edges,
        pageInfo: { hasNextPage: rows.length > page.size, endCursor: edges.at(-1)?.cursor ?? null },
      }
    },
  }
}

function decode(cursor: string, list: string, key: readonly KeyKind[]): readonly unknown[] | Refusal {
  const invalid = refuse('CURSOR_INVALID', `\`after\` is not a cursor of ${list}`, ['after'])
  if (cursor.length > cursorLengthMax) return invalid
  let content: unknown
  try {
    content = JSON.parse(Buffer.from(cursor, 'base64url').toString())
  } catch {
    return invalid
  }
  if (!Array.isArray(content) || content.length !== key.length + 2) return invalid
  const [ofVersion, ofList, ...values] = content as unknown[]
  if (ofVersion !== version || ofList !== list) return invalid
  return values.every((value, n) => typeof value === key[n]) ? values : invalid
}
