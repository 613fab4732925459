// Keyset pages: a cursor contains the sort key of a row, so it stays valid while rows around it are added and
// deleted.

import { isRefusal, ProblemError, refuse, type Refusal } from '../../schema/values/problems.ts'

type KeyKind = 'string' | 'number'
type KeyOf<Kinds extends readonly KeyKind[]> = {
  readonly [n in keyof Kinds]: Kinds[n] extends 'string' ? string : number
}

export interface PageArguments {
  readonly first: number
  readonly after?: string | null
}

/** The requested page: `size` rows whose keys come after `after`, or the first ones when it is null. */
export interface Page<Key> {
  readonly size: number
  readonly after: Key | null
}

export interface Connection<Row> {
  readonly edges: readonly { readonly cursor: string; readonly node: Row }[]
  readonly pageInfo: PageInfo
}

export interface PageInfo {
  readonly hasNextPage: boolean
  readonly hasPreviousPage: boolean
  readonly startCursor: string | null
  readonly endCursor: string | null
}

export interface Pages<Key> {
  /** Reads `first` and `after`. Refuses with BAD_PAGE or CURSOR_INVALID. */
  read(args: PageArguments): Page<Key> | Refusal
  cursor(key: Key): string
  /**
   * Makes a page of rows that start after `page.after`. One row more than `page.size` shows that there is a
   * next page.
   */
  connection<Row>(page: Page<Key>, rows: readonly Row[], keyOf: (row: Row) => Key): Connection<Row>
}

/** Throws BAD_PAGE when `first` is not 1–`max`. */
export function demandFirst(first: number, max: number): void {
  if (Number.isInteger(first) && first >= 1 && first <= max) return
  throw new ProblemError(refuse('BAD_PAGE', `\`first\` is 1–${max}, not ${first}`, ['first']))
}

/** Raised when the form of cursors changes, so that older ones are refused rather than misread. */
const version = 1
const cursorLengthMax = 1000

/**
 * Pages of the list called `list`. Each cursor contains that name, so a cursor of another list is refused; a
 * list in another order has another name. `key` gives the types of the sort key's parts.
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
        return refuse('BAD_PAGE', `\`first\` is ${first}: use 1–${sizeMax}`, ['first'])
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
        pageInfo: {
          hasNextPage: rows.length > page.size,
          // A cursor names a row, so a page after one has that row before it.
          hasPreviousPage: page.after !== null,
          startCursor: edges.at(0)?.cursor ?? null,
          endCursor: edges.at(-1)?.cursor ?? null,
        },
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
