// The timeout worker: makes the moves that are due. Any number of processes may run one; a move is made once.

import { pause } from '../../platform/async/promise.ts'
import type { Logger } from '../../platform/logger.ts'
import type { PaymentStore } from '../store/payment-store.ts'
import type { PaymentService } from './payment-service.ts'

export interface TimeoutWorkerDependencies {
  readonly store: Pick<PaymentStore, 'due'>
  readonly paymentService: Pick<PaymentService, 'actOnDue'>
  readonly now: () => Date
  readonly logger: Pick<Logger, 'error'>
}

/** Makes every move that is due now; returns the number of payments that were due. */
export async function actOnAllDue({
  store,
  paymentService,
  now,
}: TimeoutWorkerDependencies): Promise<number> {
  let acted = 0
  for (;;) {
    const due = await store.due(now(), batchMax)
    await Promise.all(due.map((id) => paymentService.actOnDue(id)))
    acted += due.length
    if (due.length < batchMax) return acted
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
  while (!signal.aborted) {
    await actOnAllDue(dependencies).catch((error: unknown) => {
      if (signal.aborted) return
      dependencies.logger.error({ err: error }, 'payments that are due could not be moved; trying again')
    })
    await pause(everyMs, signal)
  }
}

const batchMax = 500
const everyMs = 250
