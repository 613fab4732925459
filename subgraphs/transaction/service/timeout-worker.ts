// Picks up payments whose time has come, in any number of processes: what two of them pick at once, one of them moves.

import { setTimeout as sleep } from 'node:timers/promises'
import type { PaymentService } from './payment-service.ts'
import type { PaymentStore } from '../store/payment-store.ts'
import type { Logger } from '../../platform/logger.ts'

export interface TimeoutWorkerDependencies {
  readonly store: Pick<PaymentStore, 'due'>
  readonly paymentService: Pick<PaymentService, 'actOnDue'>
  readonly now: () => Date
  readonly logger: Pick<Logger, 'error'>
}

/** Acts on everything that is due now; gives how many that were. */
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

/** Looks every quarter of a second, until closed. */
export function startTimeoutWorker(dependencies: TimeoutWorkerDependencies): { close(): Promise<void> } {
  const closing = new AbortController()
  const { signal } = closing
  const run = async () => {
    while (!signal.aborted) {
      await actOnAllDue(dependencies).catch((error: unknown) => {
        if (!signal.aborted) dependencies.logger.error({ err: error }, 'deadlines could not be looked at')
      })
      await sleep(everyMs, undefined, { signal }).catch(() => {})
    }
  }
  const running = run()
  return {
    close() {
      closing.abort()
      return running
    },
  }
}

const batchMax = 500
const everyMs = 250
