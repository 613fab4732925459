// Pages of the log: past entries, each page read from MongoDB once for all readers that are near each other.
//
// Most of the cost of an entry is to read it from BSON. Projections that have fallen behind together would
// each pay it.

import type { Db } from 'mongodb'
import type { LogEntry } from './entry.ts'
import { logOf } from './store.ts'

/** The entries at positions 1 … `pageSize`, the next `pageSize`, and so on. */
export const pageSize = 512n

export class LogPages {
  readonly #db: Db
  /** By the position before each page, least recently read first. */
  readonly #pages = new Map<bigint, Promise<readonly LogEntry[] | null>>()

  constructor(db: Db) {
    this.#db = db
  }

  /**
   * Reads at most `max` entries after position `after`, as far as their page has them. Null when the page is
   * not yet full at position `tip`, or its entries have begun to leave the log.
   */
  async read(after: bigint, max: number, tip: bigint): Promise<readonly LogEntry[] | null> {
    const start = after - (after % pageSize)
    if (start + pageSize > tip) return null
    const entries = await this.#page(start)
    // The reader comes for the next page while it uses this one.
    if (start + 2n * pageSize <= tip) this.#page(start + pageSize).catch(() => {})
    const first = Number(after - start)
    return entries && entries.slice(first, first + max)
  }

  #page(start: bigint): Promise<readonly LogEntry[] | null> {
    const page = this.#pages.get(start) ?? readPage(this.#db, start)
    this.#pages.delete(start)
    this.#pages.set(start, page)
    if (this.#pages.size > pagesMax) this.#pages.delete(this.#pages.keys().next().value!)
    page.then(
      (entries) => entries ?? this.#pages.delete(start),
      () => this.#pages.delete(start),
    )
    return page
  }
}

/** Reads whole batches, because MongoDB and its driver have costs per document. Null unless all are there. */
async function readPage(db: Db, start: bigint): Promise<readonly LogEntry[] | null> {
  const end = start + pageSize
  const batches = await logOf(db)
    .find(
      { last: { $gt: start, $lt: end + batchEntriesMax }, _id: { $lte: end } },
      { sort: { last: 1 }, projection: { entries: 1 } },
    )
    .toArray()
  const entries = batches.flatMap((batch) => batch.entries).filter(({ _id }) => _id > start && _id <= end)
  return entries.length === Number(pageSize) ? entries : null
}

/** More than the entries of one batch: the last batch of a page may extend beyond it. */
const batchEntriesMax = 1_000n
/** Bounds the memory: a page takes about 1 MB. */
const pagesMax = 16
