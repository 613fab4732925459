// The sums of days and months in analytics, compared with the hours that they are of. A sum that is stale is
// not read by the hub, and not compared.

import type { Check } from './check.ts'

/** A document of `activityHours` or `activitySums`, as far as it is read here. */
export interface CountedBlock {
  readonly _id: string
  readonly upTo: bigint
  readonly cells: number
  readonly words: Buffer
}

interface Totals {
  /** Payments, approved, declined, and the value in fen. */
  readonly counts: [bigint, bigint, bigint, bigint]
  /** The last position that is counted; of a sum, the checkpoint at which it was made. */
  upTo: bigint
}

export class ActivitySums {
  readonly #check: Check
  /** By day, "2026-02-10", and by month. */
  readonly #spans = new Map<string, Totals>()
  /** By name and position, "2026-02-10 parties at 7". */
  readonly #sums = new Map<string, Totals>()

  constructor(check: Check) {
    this.#check = check
  }

  addHour(block: CountedBlock): void {
    add(this.#spans, block._id.slice(0, 'YYYY-MM-DD'.length), block)
    add(this.#spans, block._id.slice(0, 'YYYY-MM'.length), block)
  }

  addSum(part: CountedBlock): void {
    // Parts that a crash has left behind have an earlier position, which is stale.
    add(this.#sums, `${part._id.slice(0, part._id.lastIndexOf('#'))} at ${part.upTo}`, part)
  }

  finish(): void {
    for (const [name, { counts, upTo }] of this.#sums) {
      const span = this.#spans.get(name.slice(0, name.indexOf(' ')))
      if (span && span.upTo > upTo) continue
      const expected = span?.counts ?? []
      this.#check.expect(
        counts.join() === expected.join(),
        name,
        () => `the sum has ${counts.join(', ')}, and its hours have ${expected.join(', ')}`,
      )
    }
  }
}

function add(all: Map<string, Totals>, name: string, { upTo, cells, words }: CountedBlock): void {
  let totals = all.get(name)
  if (!totals) all.set(name, (totals = { counts: [0n, 0n, 0n, 0n], upTo: 0n }))
  if (upTo > totals.upTo) totals.upTo = upTo
  for (let at = 0; at < cells * 32; at += 32) {
    for (const [n, word] of [3, 4, 5].entries()) totals.counts[n]! += BigInt(words.readInt32LE(at + 4 * word))
    totals.counts[3] += words.readBigInt64LE(at + 24)
  }
}
