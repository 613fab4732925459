// The projections of the log that this subgraph runs.

import { bookingsProjectionName } from './settlement/bookings.ts'
import { positionsProjectionName } from './settlement/positions.ts'
import { deliveryProjectionName } from './webhooks/delivery-projection.ts'

/** Their names. */
export const transactionProjections: readonly string[] = [
  positionsProjectionName,
  bookingsProjectionName,
  deliveryProjectionName,
]
