// What waits in the database for any process of the hub, for its metrics.

import type { Db } from 'mongodb'

export interface Backlog {
  /** Payments whose deadline has passed. */
  readonly due_payments: number
  /** Webhook deliveries that are not delivered and not given up. */
  readonly webhook_deliveries: number
}

/** Counting ends here, so that it takes milliseconds whatever waits. */
const limit = 10_000

/** Counts by indexes alone. */
export async function readBacklog(db: Db, now: Date): Promise<Backlog> {
  const [duePayments, deliveries] = await Promise.all([
    db.collection('payments').countDocuments({ due: { $lte: now } }, { limit }),
    db.collection('webhookDeliveries').countDocuments({ state: 'PENDING' }, { limit }),
  ])
  return { due_payments: duePayments, webhook_deliveries: deliveries }
}
