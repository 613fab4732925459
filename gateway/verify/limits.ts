// Daily limits: a customer's day holds what its payments use, and never more than the limit.

import { setTimeout as pause } from 'node:timers/promises'
import { Check } from './check.ts'
import { unpaidStatuses, type Amount, type Corridor, type Payment } from './documents.ts'
import type { Snapshot } from './snapshot.ts'

interface Day {
  readonly _id: string
  readonly holds: readonly Hold[]
}

interface Hold {
  /** Id of the payment; in an earlier version, of its key. */
  readonly id: string
  readonly minor: bigint
  /** The hold of an earlier attempt with the same key: while it is there, only that one counts. */
  readonly beside?: string
}

type Counted = Pick<Payment, '_id' | 'status' | 'customerDay' | 'merchantAmount' | 'keys'>

const chunkSize = 500
/** Days are deleted three days after their end; the recount leaves out those that may be. */
const keptMs = 2 * 86_400_000

export class Limits {
  readonly check = new Check('limits', 'the holds of a customer’s day are its payments, within the limit')
  readonly #snapshot: Snapshot
  readonly #limits: ReadonlyMap<string, { readonly perDay: Amount; readonly isFirst: boolean }>
  readonly #keptFrom: string
  #pending: Counted[] = []

  constructor(
    snapshot: Snapshot,
    corridors: readonly Corridor[],
    changed: ReadonlySet<string>,
    nowMs: number,
  ) {
    this.#snapshot = snapshot
    this.#limits = new Map(
      corridors.map(({ _id, limits }) => [_id, { perDay: limits.perDay, isFirst: !changed.has(_id) }]),
    )
    this.#keptFrom = new Date(nowMs - keptMs).toISOString().slice(0, 10)
  }

  /** Returns a promise when a chunk is full, to be awaited. */
  addPayment({ _id, status, customerDay, merchantAmount, keys }: Payment): Promise<void> | undefined {
    const isKept = customerDay !== undefined && customerDay.split('/')[1]! >= this.#keptFrom
    if (!isKept || unpaidStatuses.has(status)) return undefined
    this.#pending.push({ _id, status, customerDay, merchantAmount, keys })
    return this.#pending.length < chunkSize ? undefined : this.#flush()
  }

  /** The release of a hold may take `lateMs`. */
  async finish(lateMs: number): Promise<void> {
    await this.#flush()
    let days: Day[] = []
    const ended = new Map<string, string>()
    for await (const day of this.#snapshot.find<Day>('customerDays')) {
      days.push(day)
      if (days.length < chunkSize) continue
      await this.#checkDays(days, ended)
      days = []
    }
    await this.#checkDays(days, ended)
    await this.#awaitReleases(ended, lateMs)
  }

  /** Each payment that counts has its hold. */
  async #flush(): Promise<void> {
    const payments = this.#pending
    this.#pending = []
    const ids = [...new Set(payments.map(({ customerDay }) => customerDay!))]
    const found = await this.#snapshot.find<Day>('customerDays', { _id: { $in: ids } }).toArray()
    const byId = new Map(found.map(({ _id, holds }) => [_id, holds]))
    for (const { _id, customerDay, merchantAmount, keys } of payments) {
      const names = new Set([_id, ...keys.map(({ id }) => id)])
      const hold = byId.get(customerDay!)?.find(({ id }) => names.has(id))
      const { perDay, isFirst } = this.#limits.get(customerDay!.split('/')[0]!) ?? {}
      const isExact =
        !isFirst || perDay!.currency !== merchantAmount.currency || hold?.minor === merchantAmount.minor
      this.check.expect(
        hold !== undefined && isExact,
        _id,
        () => `uses ${merchantAmount.minor} of ${customerDay}, whose hold is ${hold?.minor ?? 'missing'}`,
      )
    }
  }

  /** Each day is within its limit; holds of payments that ended are collected in `ended`. */
  async #checkDays(days: readonly Day[], ended: Map<string, string>): Promise<void> {
    const ids = days.flatMap(({ holds }) => holds.map(({ id }) => id))
    const options = { projection: { status: 1, keys: 1 } }
    const payments = this.#snapshot.find<Counted>('payments', { _id: { $in: ids } }, options)
    const statuses = new Map<string, string>()
    for await (const { _id, status } of payments) statuses.set(_id, status)
    for (const { _id, holds } of days) {
      for (const { id } of holds) if (unpaidStatuses.has(statuses.get(id) ?? '')) ended.set(id, _id)
      const { perDay, isFirst } = this.#limits.get(_id.split('/')[0]!) ?? {}
      const counting = holds.filter(({ beside }) => !holds.some(({ id }) => id === beside))
      const used = counting.reduce((sum, { minor }) => sum + minor, 0n)
      const isWithin = !isFirst || used <= perDay!.minor
      this.check.expect(isWithin, _id, () => `holds ${used} of ${perDay!.minor} ${perDay!.currency}`)
    }
  }

  /** A hold of a payment that ended is released by a projection, which may be on its way. */
  async #awaitReleases(ended: Map<string, string>, lateMs: number): Promise<void> {
    const days = this.#snapshot.now<Day>('customerDays')
    for (let waitedMs = 0; ended.size > 0; waitedMs += 200) {
      const found = days.find({ _id: { $in: [...new Set(ended.values())] } })
      const left = new Set<string>()
      for await (const { holds } of found) for (const { id } of holds) left.add(id)
      for (const id of ended.keys()) if (!left.has(id)) ended.delete(id)
      if (waitedMs >= lateMs) break
      if (ended.size > 0) await pause(200)
    }
    for (const [id, day] of ended) this.check.fail(id, `ended without payment, and still uses ${day}`)
  }
}
