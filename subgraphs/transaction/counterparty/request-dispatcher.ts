// The request dispatcher: passes each request to the connector of its counterparty's connection. Every
// answer returns through the payment service, by the same rules.
//
// STREAM: the counterparty subscribes to `authorizationRequests` and answers with `respondAuthorization`.
// WEBHOOK: the hub sends a signed POST; the counterparty answers in the body, or later with
// `respondAuthorization`. SIMULATOR: the hub answers for the counterparty, see simulator.ts.

import type { Db } from 'mongodb'
import type { ParticipantId, PaymentId } from '../../../schema/values/id.ts'
import type { LogReader } from '../../log/reader.ts'
import { RecentMap } from '../../platform/async/recent-map.ts'
import type { Logger } from '../../platform/logger.ts'
import { holdLease, type Lease, type LeaseHolder } from '../../platform/mongo/lease.ts'
import type { Participant, Registry } from '../../shared/registry.ts'
import { awaited, requestOf, type CounterpartyRequest } from '../payment/counterparty-request.ts'
import type { PaymentStore } from '../store/payment-store.ts'

export type ConnectionKind = NonNullable<Participant['connection']>

/** Delivers requests to participants of one kind of connection. Its methods do not throw. */
export interface CounterpartyConnector {
  deliver(request: CounterpartyRequest): void
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
 * Passes every request for participants of `connection` to a connector: first the pending ones, so that a
 * request outlives its process, then those of the log. One process at a time does so, under a lease. Two
 * that overlap do no harm: a request may be delivered more than once, and a repeated answer changes
 * nothing.
 */
export function startRequestDispatcher(
  dependencies: DispatcherDependencies,
  connection: ConnectionKind,
  open: (lease: Pick<Lease, 'isHeld'>) => CounterpartyConnector,
): LeaseHolder {
  const { db, logger } = dependencies
  return holdLease({ db, logger, name: connection.toLowerCase() }, (lease) =>
    dispatch(dependencies, connection, open(lease), lease),
  )
}

async function dispatch(
  { registry, logReader, store }: DispatcherDependencies,
  connection: ConnectionKind,
  connector: CounterpartyConnector,
  lease: Lease,
): Promise<void> {
  const isOurs = (id: ParticipantId): boolean => registry.participants.get(id)?.connection === connection
  // Payments with a request of this process: it alone sends while it holds the lease. Another one may have
  // sent earlier.
  const delivered = new RecentMap<PaymentId, true>(recentMax)
  const deliver = (request: Omit<CounterpartyRequest, 'isRepeated'>, mayBeRepeated: boolean) => {
    const isRepeated = mayBeRepeated || delivered.has(request.payment)
    delivered.set(request.payment, true)
    if (lease.isHeld()) connector.deliver({ ...request, isRepeated })
  }
  const unsubscribe = logReader.subscribe((entries) => {
    for (const entry of entries) {
      const request = requestOf(entry)
      if (request && isOurs(request.counterparty)) deliver(request, false)
    }
  })
  try {
    const ours = [...registry.participants.values()].map(({ id }) => id).filter(isOurs)
    for (const { _id: payment, counterparty, status } of await store.waiting(ours)) {
      const kind = awaited[status]
      if (kind) deliver({ kind, payment, counterparty }, true)
    }
    await untilAborted(lease.signal)
  } finally {
    unsubscribe()
    connector.close()
  }
}

/** At least half as many payments are remembered; older ones are over. */
const recentMax = 100_000

const untilAborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve()
    signal.addEventListener('abort', () => resolve(), { once: true })
  })
