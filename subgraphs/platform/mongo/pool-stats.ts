// How a client uses its connections, from the events of the driver’s pools.

import type { MongoClient } from 'mongodb'

export interface PoolStats {
  /** Open connections to all members. */
  readonly open: number
  /** Those that a call uses. */
  readonly used: number
  /** Calls that wait for one. */
  readonly pending: number
  /** Calls that have got none in time. */
  readonly timeouts: number
  /** The most connections to one member. */
  readonly max: number
}

/** Counts from now on. */
export function watchPool(client: MongoClient): () => PoolStats {
  const { maxPoolSize: max } = client.options
  const stats = { open: 0, used: 0, pending: 0, timeouts: 0, max }
  client
    .on('connectionCreated', () => void stats.open++)
    .on('connectionClosed', () => void stats.open--)
    .on('connectionCheckOutStarted', () => void stats.pending++)
    .on('connectionCheckedOut', () => {
      stats.pending--
      stats.used++
    })
    .on('connectionCheckOutFailed', ({ reason }) => {
      stats.pending--
      if (reason === 'timeout') stats.timeouts++
    })
    .on('connectionCheckedIn', () => void stats.used--)
  return () => ({ ...stats })
}
