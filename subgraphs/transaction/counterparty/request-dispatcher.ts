// The port to whoever approves payments. How a participant is connected decides who carries a request there; the answer always
// comes back through the cashier, by the same rules.
//
// STREAM: it subscribes to `authorizationRequests` and answers with `respondAuthorization`.
// WEBHOOK: it gets a signed POST, and answers in the body or later by the mutation.
// SIMULATOR: the hub answers in its place, see simulator.ts.
import type { Db } from 'mongodb'
import { type CounterpartyRequest, awaited, requestOf } from '../payment/counterparty-request.ts'
import { holdLease, type Lease, type LeaseHolder } from '../../platform/mongo/lease.ts'
import type { LogReader } from '../../log/reader.ts'
import type { Participant, Registry } from '../../shared/registry.ts'
import { RecentMap } from '../../platform/async/recent-map.ts'
import type { PaymentStore } from '../store/payment-store.ts'
import type { Logger } from '../../platform/logger.ts'

export type ConnectionKind = NonNullable<Participant['connection']>

/** Takes requests to participants of one kind of connection. Neither may throw. */
export interface CounterpartyConnector {
  take(request: CounterpartyRequest): void
  close(): void
}

export interface DispatcherDependencies {
  readonly db: Db
  readonly registry: Registry
  readonly logReader: LogReader
  readonly store: Pick<PaymentStore, 'waiting'>
  readonly logger: Pick<Logger, 'error' | 'info'>
}

/**
 * Hands every request for participants connected as `connection` to a carrier; at the start also what waits already, so that
 * a request survives the process. One process at a time does so, under a lease. Two that overlap do no harm: a request may be
 * delivered more than once, and an answer that was given is only given again.
 */
export function startRequestDispatcher(
  { db, registry, logReader, store, logger }: DispatcherDependencies,
  connection: ConnectionKind,
  open: (lease: Pick<Lease, 'isHeld'>) => CounterpartyConnector,
): LeaseHolder {
  const isOurs = (id: string): boolean => registry.participants.get(id)?.connection === connection
  return holdLease({ db, logger, name: connection.toLowerCase() }, async (lease) => {
    const { signal } = lease
    const carrier = open(lease)
    // What is sent while this process holds the lease, no other one sends; of all else that cannot be known.
    const known = new RecentMap<string, true>(2 * recentMax)
    const take = (request: Omit<CounterpartyRequest, 'isRepeated'>, isRepeated: boolean) => {
      const isKnown = known.has(request.payment)
      known.set(request.payment, true)
      if (lease.isHeld()) carrier.take({ ...request, isRepeated: isRepeated || isKnown })
    }
    const stop = logReader.subscribe((entries) => {
      for (const entry of entries) {
        const request = requestOf(entry)
        if (request && isOurs(request.counterparty)) take(request, false)
      }
    })
    try {
      const ours = [...registry.participants.keys()].filter(isOurs)
      for (const { _id, counterparty, status } of await store.waiting(ours)) {
        const kind = awaited[status]
        if (kind) take({ kind, payment: _id, counterparty }, true)
      }
      await untilAborted(signal)
    } finally {
      stop()
      carrier.close()
    }
  })
}

/** So many transactions are remembered; one that is forgotten is over long since. */
const recentMax = 50_000

const untilAborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve()
    signal.addEventListener('abort', () => resolve(), { once: true })
  })
