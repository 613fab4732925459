// Taking deliveries to send them: all that this process asks for at one moment is claimed in a few calls.

import { randomUUID } from 'node:crypto'
import type { Collection } from 'mongodb'
import { createBatchWriter, type BatchWriter } from '../../platform/async/batching.ts'
import type { Delivery } from './delivery.ts'

export interface Claimed extends Delivery {
  readonly claim: string
}

export interface ClaimWanted {
  readonly endpoint: string
  readonly now: Date
  /** Until then nobody else takes it. */
  readonly until: Date
}

/** Gives each caller the longest due delivery of an endpoint that nobody else has; null when none is due. */
export const claimsOf = (deliveries: Collection<Delivery>): BatchWriter<ClaimWanted, Claimed | null> =>
  createBatchWriter({ write: (group) => claimGroup(deliveries, group) })

async function claimGroup(
  deliveries: Collection<Delivery>,
  group: readonly ClaimWanted[],
): Promise<readonly (Claimed | null)[]> {
  const byEndpoint = Map.groupBy(group, ({ endpoint }) => endpoint)
  const taken = new Map<string, Claimed[]>()
  // Asked for by their endpoints, taken together.
  for (let missing = [...byEndpoint]; missing.length > 0;) {
    const found = await Promise.all(
      missing.map(([endpoint, wanted]) => findDue(deliveries, endpoint, wanted.at(-1)!.now, wanted.length)),
    )
    for (const one of await take(deliveries, found.flat(), group.at(-1)!)) {
      taken.set(one.endpoint, [...(taken.get(one.endpoint) ?? []), one])
    }
    // Other processes were faster with all of them: there may be more.
    missing = missing.filter(([endpoint], n) => found[n]!.length > 0 && !taken.has(endpoint))
  }
  return group.map(({ endpoint }) => taken.get(endpoint)?.shift() ?? null)
}

const isDue = (now: Date) => ({ state: 'PENDING', nextAttemptAt: { $lte: now } }) as const

const findDue = (deliveries: Collection<Delivery>, endpoint: string, now: Date, max: number) =>
  deliveries.find({ ...isDue(now), endpoint }, { sort: { nextAttemptAt: 1 }, limit: max }).toArray()

/** Those of `found` that nobody else has taken meanwhile. */
async function take(
  deliveries: Collection<Delivery>,
  found: readonly Delivery[],
  { now, until }: ClaimWanted,
): Promise<readonly Claimed[]> {
  if (found.length === 0) return []
  const claim = randomUUID()
  const ids = { $in: found.map(({ _id }) => _id) }
  const { modifiedCount } = await deliveries.updateMany(
    { _id: ids, ...isDue(now) },
    { $set: { nextAttemptAt: until, claim } },
  )
  // As a rule all of them: then they need not be read again.
  if (modifiedCount === found.length) return found.map((one) => ({ ...one, nextAttemptAt: until, claim }))
  return (await deliveries.find({ _id: ids, claim }).toArray()) as Claimed[]
}
