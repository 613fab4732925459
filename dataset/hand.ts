// A hand makes parts of the data set and writes them: one in each thread of a load.

import type { Merchant } from '../subgraphs/merchant/index.ts'
import type { PastPayment } from '../subgraphs/transaction/index.ts'
import type { Dataset } from './dataset.ts'
import type { MerchantSource } from './merchants.ts'
import type { SpanPlan, SpanWorth } from './payments.ts'

/** Merchants by index; `to` is exclusive. */
export interface MerchantRange {
  readonly from: number
  readonly to: number
}

/** Which merchants of a part an earlier load has written. */
export type Stored = 'none' | 'some' | 'all'

type OnAdded = (rows: number) => void

export interface Hand<Counts> {
  /** Counts the merchants of a part, and writes those that are not stored. */
  merchants(range: MerchantRange, stored: Stored, onAdded: OnAdded): Promise<void>
  /** Returns the counts of all merchants that this hand has counted, and begins again without any. */
  takeCounts(): Promise<Counts>
  worthOf(span: number): Promise<SpanWorth>
  /** Writes the payments of a span; writing them again changes nothing. */
  payments(span: number, plan: SpanPlan, onAdded: OnAdded): Promise<void>
}

/** How a hand writes. */
export interface HandImporters<Counts> {
  merchants(merchants: Iterable<Merchant>, stored: Stored, onAdded: OnAdded): Promise<unknown>
  takeCounts(): Counts
  /** `index` is the number of payments before these. */
  payments(payments: readonly PastPayment[], index: number): Promise<unknown>
}

export const createHand = <Counts>(
  { merchants, payments }: Dataset,
  importers: HandImporters<Counts>,
): Hand<Counts> => ({
  async merchants(range, stored, onAdded) {
    await importers.merchants(merchantsIn(merchants, range), stored, onAdded)
  },
  takeCounts: async () => importers.takeCounts(),
  worthOf: async (span) => payments.worthOf(payments.spans[span]!),
  async payments(number, plan, onAdded) {
    const span = payments.spans[number]!
    let index = span.first
    let made: PastPayment[] = []
    let writing: Promise<unknown> = Promise.resolve()
    const write = async (rows: readonly PastPayment[]) => {
      // Payments are made while the previous ones are written.
      await writing
      writing = importers.payments(rows, index).then(() => onAdded(rows.length))
      writing.catch(() => {}) // Awaited by the next write.
      index += rows.length
    }
    for (const day of payments.daysOf(span, plan)) {
      made = [...made, ...day]
      let written = 0
      for (; written + writtenTogether <= made.length; written += writtenTogether)
        await write(made.slice(written, written + writtenTogether))
      made = made.slice(written)
    }
    await write(made)
    await writing
  },
})

/** Payments: enough for a cheap write, and so few that the collector of garbage finds little alive. */
const writtenTogether = 1_000

function* merchantsIn(merchants: MerchantSource, { from, to }: MerchantRange): Iterable<Merchant> {
  for (let index = from; index < to; index++) yield merchants.at(index)
}
