// Merchants by city of each row, where a row is a profile of the count cube or terms of it: what sums over
// many cities are made of, without reading the spots.

import type { Steps } from '../platform/async/slices.ts'

/** Two numbers for each city of a row: the number of the city, and merchants. */
export class CityCounts {
  readonly #rows: Uint32Array[]

  private constructor(rows: Uint32Array[]) {
    this.#rows = rows
  }

  /**
   * Sums the counts of each city: pairs of a number and merchants, where the number without its last
   * `bits` is a row below `rows`. Reads them twice, because rows that grow would take longer: first for
   * their lengths.
   */
  static *sum(
    rows: number,
    bits: number,
    cities: number,
    countsOf: (city: number) => readonly Uint32Array[],
  ): Steps<CityCounts> {
    const lengths = new Uint32Array(rows)
    const latest = new Int32Array(rows).fill(-1)
    for (let city = 0; city < cities; city++) {
      for (const counts of countsOf(city)) addLengths(counts, bits, city, latest, lengths)
      yield
    }
    // Rows are parts of one array: tens of thousands of arrays would take as much as what is in them.
    const all = new Uint32Array(lengths.reduce((sum, length) => sum + length, 0))
    const filled: Uint32Array[] = []
    let start = 0
    for (const length of lengths) filled.push(all.subarray(start, (start += length)))
    lengths.fill(0)
    latest.fill(-1)
    for (let city = 0; city < cities; city++) {
      for (const counts of countsOf(city)) fillRows(counts, bits, city, latest, lengths, filled)
      yield
    }
    return new CityCounts(filled)
  }

  of(row: number): Uint32Array {
    return this.#rows[row] ?? none
  }

  add(row: number, city: number, by: number): void {
    const counts = this.of(row)
    for (let at = 0; at < counts.length; at += 2) {
      if (counts[at] !== city) continue
      counts[at + 1]! += by
      return
    }
    const more = new Uint32Array(counts.length + 2)
    more.set(counts)
    more.set([city, by], counts.length)
    for (let n = this.#rows.length; n < row; n++) this.#rows.push(none)
    this.#rows[row] = more
  }

  /** Adds the merchants of the selected rows to `sums` by city; only those of `cities`, unless it is null. */
  sumInto(sums: Uint32Array, selected: Uint8Array, cities: Uint8Array | null): void {
    for (let row = 0; row < selected.length; row++) {
      if (!selected[row]) continue
      const counts = this.of(row)
      for (let at = 0; at < counts.length; at += 2) {
        const city = counts[at]!
        if (cities === null || cities[city]) sums[city]! += counts[at + 1]!
      }
    }
  }

  /** Merchants of a row in these cities. */
  sumOf(row: number, cities: Uint8Array): number {
    const counts = this.of(row)
    let sum = 0
    for (let at = 0; at < counts.length; at += 2) if (cities[counts[at]!]) sum += counts[at + 1]!
    return sum
  }
}

const none = new Uint32Array()

function addLengths(
  counts: Uint32Array,
  bits: number,
  city: number,
  latest: Int32Array,
  lengths: Uint32Array,
): void {
  for (let at = 0; at < counts.length; at += 2) {
    const row = counts[at]! >>> bits
    if (latest[row] === city) continue
    latest[row] = city
    lengths[row]! += 2
  }
}

function fillRows(
  counts: Uint32Array,
  bits: number,
  city: number,
  latest: Int32Array,
  lengths: Uint32Array,
  rows: readonly Uint32Array[],
): void {
  for (let at = 0; at < counts.length; at += 2) {
    const number = counts[at]! >>> bits
    const row = rows[number]!
    if (latest[number] !== city) {
      latest[number] = city
      row[lengths[number]!] = city
      lengths[number]! += 2
    }
    row[lengths[number]! - 1]! += counts[at + 1]!
  }
}
