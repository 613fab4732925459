// The timeout worker: makes the moves that are due. Any number of processes may run one; a move is made once.
//
// A payment is due by the clock, or when it has stayed as it is for the longest wait that its status allows.
// The second rule needs no clock to be right: not that of the hub that wrote the payment, nor this one's.

import type { PaymentId } from '../../../schema/values/id.ts'
import { pause } from '../../platform/async/promise.ts'
import type { Logger } from '../../platform/logger.ts'
import { longestWaitMs } from '../payment/timeout.ts'
import type { PaymentAhead, PaymentStore } from '../store/payment-store.ts'
import type { PaymentService } from './payment-service.ts'

export interface TimeoutWorkerDependencies {
  readonly store: Pick<PaymentStore, 'due' | 'ahead'>
  readonly paymentService: Pick<PaymentService, 'actOnDue'>
  readonly now: () => Date
  readonly logger: Pick<Logger, 'error'>
  /** Milliseconds of a clock that is never set; by default the process's own. */
  readonly elapsedMs?: () => number
}

/** Makes every move that is due now; returns the number of payments that were due. */
export type ActOnAllDue = () => Promise<number>

/** Creates a function that makes the moves that are due each time it is called. */
export function createActOnAllDue(dependencies: TimeoutWorkerDependencies): ActOnAllDue {
  const overdue = new OverdueWatch(dependencies)
  return async () => (await actOnDueByClock(dependencies)) + (await overdue.act())
}

async function actOnDueByClock({ store, paymentService, now }: TimeoutWorkerDependencies): Promise<number> {
  let acted = 0
  for (;;) {
    const due = await store.due(now(), batchMax)
    await Promise.all(due.map((id) => paymentService.actOnDue(id)))
    acted += due.length
    if (due.length < batchMax) return acted
  }
}

/** A payment that a clock ahead of this process's has written. */
interface Watched {
  readonly due: Date
  /** Time by `elapsedMs` at which it has waited long enough. */
  readonly untilMs: number
}

/**
 * Watches pending payments whose latest change lies ahead of the clock, and moves each that has not changed
 * for its longest wait. With clocks that agree there are none, and one read every few seconds finds that out.
 */
class OverdueWatch {
  readonly #dependencies: TimeoutWorkerDependencies
  readonly #elapsedMs: () => number
  #watched = new Map<PaymentId, Watched>()
  #readAtMs = -Infinity

  constructor(dependencies: TimeoutWorkerDependencies) {
    this.#dependencies = dependencies
    this.#elapsedMs = dependencies.elapsedMs ?? (() => performance.now())
  }

  /** Moves at most `batchMax` payments that have waited long enough; returns their number. */
  async act(): Promise<number> {
    const { store, paymentService, now } = this.#dependencies
    if (this.#elapsedMs() - this.#readAtMs >= readEveryMs) {
      this.#readAtMs = this.#elapsedMs()
      const aheadOf = new Date(now().getTime() + clockDifferenceMs)
      this.#watch(await store.ahead(aheadOf))
    }
    const overdue = [...this.#watched].filter(([, { untilMs }]) => untilMs <= this.#elapsedMs())
    const batch = overdue.slice(0, batchMax)
    await Promise.all(batch.map(([id, { due }]) => paymentService.actOnDue(id, due)))
    for (const [id] of batch) this.#watched.delete(id)
    return batch.length
  }

  /** Keeps the time of each payment that is watched already and has the same due time. */
  #watch(payments: readonly PaymentAhead[]): void {
    const atMs = this.#elapsedMs()
    this.#watched = new Map(
      payments.map((payment) => {
        const { _id, due } = payment
        const before = this.#watched.get(_id)
        const isSame = before?.due.getTime() === due.getTime()
        return [_id, isSame ? before : { due, untilMs: atMs + longestWaitMs(payment) }]
      }),
    )
  }
}

/** Makes the moves that are due, four times a second, until closed. */
export function startTimeoutWorker(dependencies: TimeoutWorkerDependencies): { close(): Promise<void> } {
  const closing = new AbortController()
  const running = run(dependencies, closing.signal)
  return {
    close() {
      closing.abort()
      return running
    },
  }
}

async function run(dependencies: TimeoutWorkerDependencies, signal: AbortSignal): Promise<void> {
  const actOnAllDue = createActOnAllDue(dependencies)
  while (!signal.aborted) {
    await actOnAllDue().catch((error: unknown) => {
      if (signal.aborted) return
      dependencies.logger.error({ err: error }, 'payments that are due could not be moved; trying again')
    })
    await pause(everyMs, signal)
  }
}

const batchMax = 500
const everyMs = 250
const readEveryMs = 5_000
/** Clocks that follow a time server differ by less. A payment less far ahead waits for its due time. */
const clockDifferenceMs = 1_000
