// Moves payments. A payment moves only from the state that its rule read, so the rule runs again after a
// lost race.

import type { Collection } from 'mongodb'
import { randomUUID } from 'node:crypto'
import type { PaymentId } from '../../../schema/values/id.ts'
import { createBatchWriter, type BatchWriter, type Loader } from '../../platform/async/batching.ts'
import { RecentMap } from '../../platform/async/recent-map.ts'
import { applyMove, type Move, type Payment } from '../payment/payment.ts'
import { moveBatch, type PlannedMove } from './payment-writes.ts'

/** Decides the move of a payment; null for none. Pure: it may run several times. */
export type MoveRule = (payment: Payment) => Move | null

export interface MoveOutcome {
  readonly moved: boolean
  /** The payment that the rule read. */
  readonly before: Payment
  /** The payment after the move; equal to `before` when it did not move. */
  readonly after: Payment
}

export class PaymentMover {
  readonly #byId: Pick<Loader<PaymentId, Payment>, 'load'>
  readonly #writer: BatchWriter<PlannedMove, boolean>
  /**
   * Payments that this process wrote. They are moved without a read; the write fails if another process
   * moved one.
   */
  readonly #written = new RecentMap<PaymentId, Payment>(recentMax)
  /**
   * The last move of each payment. Moves of one payment run one after the other, for only one of them could
   * succeed.
   */
  readonly #running = new Map<PaymentId, Promise<unknown>>()
  readonly #nextWriteName = createWriteNames()

  constructor(payments: Collection<Payment>, byId: Pick<Loader<PaymentId, Payment>, 'load'>) {
    this.#byId = byId
    this.#writer = createBatchWriter({
      flightsMax: 1,
      // Answers arrive one by one, and an update of one payment costs MongoDB as much as an update of ten.
      gatherMs: 8,
      write: (group, signal) => moveBatch(payments, group, signal),
    })
  }

  /** Caches a payment that this process has written. */
  remember(payment: Payment): void {
    this.#written.set(payment._id, payment)
  }

  /** See `PaymentStore.move`. */
  move(id: PaymentId, rule: MoveRule): Promise<MoveOutcome | null> {
    const previous = this.#running.get(id)
    const move = previous ? previous.then(() => this.#moveNow(id, rule)) : this.#moveNow(id, rule)
    const settled = move.then(ignore, ignore)
    this.#running.set(id, settled)
    void settled.then(() => this.#running.get(id) === settled && this.#running.delete(id))
    return move
  }

  async #moveNow(id: PaymentId, rule: MoveRule): Promise<MoveOutcome | null> {
    const written = this.#written.get(id)
    const moved = written ? await this.#tryMove(written, rule) : null
    // No move may follow from a state that is out of date, so then the rule decides again after a read.
    if (written && moved && moved !== 'LOST') return { moved: true, before: written, after: moved }
    this.#written.delete(id)
    for (let attempt = 0; attempt < attemptsMax; attempt++) {
      const before = await this.#byId.load(id)
      if (!before) return null
      const after = await this.#tryMove(before, rule)
      if (after !== 'LOST') return { moved: after !== null, before, after: after ?? before }
    }
    throw new Error(`payment ${id} changed ${attemptsMax} times during one move`)
  }

  /**
   * Returns the payment after the move, null when the rule makes none, or LOST when the payment changed
   * meanwhile.
   */
  async #tryMove(before: Payment, rule: MoveRule): Promise<Payment | null | 'LOST'> {
    const decided = rule(before)
    if (!decided) return null
    const move = { ...decided, event: { ...decided.event, write: this.#nextWriteName() } }
    if (!(await this.#writer.write({ before, move }))) return 'LOST'
    const after = applyMove(before, move)
    this.remember(after)
    return after
  }
}

/** Creates a source of write names that no other process produces. */
function createWriteNames(): () => string {
  const process = randomUUID().slice(0, 8)
  let count = 0
  return () => `${process}-${(++count).toString(36)}`
}

const ignore = (): void => {}

/** A process keeps at least half as many. */
const recentMax = 8192

/** Each lost attempt is the success of another move, so this many others would have to win in a row. */
const attemptsMax = 1000
