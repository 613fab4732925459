// Daily limits: the payments of a customer's day are numbered without a gap, and never use more than the
// limit.

import { Check } from './check.ts'
import { unpaidStatuses, type Amount, type Corridor, type Payment } from './documents.ts'

interface Day {
  payments: number
  last: number
  used: bigint
}

/** Customers' names are erased from payments two days old, and a day in some zone began 38 hours before. */
const keptMs = 10 * 3_600_000

export class Limits {
  readonly check = new Check('limits', 'the payments of a customer’s day are numbered, and within the limit')
  readonly #limits: ReadonlyMap<string, { readonly perDay: Amount; readonly isFirst: boolean }>
  readonly #keptFrom: string
  readonly #days = new Map<string, Day>()

  constructor(corridors: readonly Corridor[], changed: ReadonlySet<string>, nowMs: number) {
    this.#limits = new Map(
      corridors.map(({ _id, limits }) => [_id, { perDay: limits.perDay, isFirst: !changed.has(_id) }]),
    )
    this.#keptFrom = new Date(nowMs - keptMs).toISOString().slice(0, 10)
  }

  addPayment({ _id, status, customerDay, merchantAmount }: Payment): void {
    // Payments of version 1 of the database have a text here, and no number.
    if (customerDay?.id === undefined || customerDay.id.split('/')[1]! < this.#keptFrom) return
    const { id, number, minor } = customerDay
    const day = this.#days.get(id) ?? { payments: 0, last: 0, used: 0n }
    this.#days.set(id, day)
    day.payments++
    day.last = Math.max(day.last, number)
    if (!unpaidStatuses.has(status)) day.used += minor
    const { perDay, isFirst } = this.#limitOf(id)
    const isExact = !isFirst || perDay!.currency !== merchantAmount.currency || minor === merchantAmount.minor
    this.check.expect(isExact, _id, () => `is of ${merchantAmount.minor}, and uses ${minor} of ${id}`)
  }

  finish(): void {
    for (const [id, { payments, last, used }] of this.#days) {
      const isNumbered = payments === last
      this.check.expect(isNumbered, id, () => `has ${payments} payments, the last with the number ${last}`)
      const { perDay, isFirst } = this.#limitOf(id)
      const isWithin = !isFirst || used <= perDay!.minor
      this.check.expect(isWithin, id, () => `uses ${used} of ${perDay!.minor} ${perDay!.currency}`)
    }
  }

  #limitOf(day: string): { readonly perDay?: Amount; readonly isFirst?: boolean } {
    return this.#limits.get(day.split('/')[0]!) ?? {}
  }
}
