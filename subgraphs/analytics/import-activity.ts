// Counts the payments of an import while they are written. Each part of the import has blocks of its own, so
// threads write parts at once, and writing a part again changes nothing.

import type { Collection, Db } from 'mongodb'
import { beginAfter, resultsOf } from '../log/checkpoint.ts'
import type { LogEntry } from '../log/entry.ts'
import { insertOnce } from '../platform/mongo/bulk-write.ts'
import { createCompressed } from '../platform/mongo/create-compressed.ts'
import { activityProjectionName, spansOf, type Spans } from './activity-projection.ts'
import { blocksOf, createActivityStore, partName, type StoredBlock } from './block-store.ts'
import { OpenCounterBlock } from './counter-block.ts'
import { SumMaker } from './sum-maker.ts'
import { sumsName } from './sum-store.ts'

/** Deletes all counts. */
export async function clearActivity(db: Db): Promise<void> {
  const results = resultsOf(db, 0)
  const { hours, merchants } = blocksOf(results)
  for (const collection of [hours, merchants, results.collection(sumsName)]) await collection.drop()
  await createCompressed(db, merchants.collectionName)
}

/** Counts `entries`, the part `part` of an import; parts have different numbers. */
export async function loadActivity(db: Db, entries: readonly LogEntry[], part: number): Promise<void> {
  const { hours, merchants } = blocksOf(resultsOf(db, 0))
  const spans = spansOf(entries)
  await Promise.all([load(hours, spans.hours, part), load(merchants, spans.merchants, part)])
}

/**
 * Ends an import with the log at `position`. Makes the sums of days and months, or leaves them to the hub
 * that starts next: `sums`. May be repeated.
 */
export async function finishActivity(db: Db, position: bigint, sums: boolean): Promise<void> {
  await createActivityStore(resultsOf(db, 0))
  if (sums) await new SumMaker(db, 0).make(position, new AbortController().signal)
  await beginAfter(db, activityProjectionName, position)
}

async function load(
  collection: Collection<StoredBlock>,
  { starts, changes }: Spans,
  part: number,
): Promise<void> {
  const blocks = Array.from(starts, ([name, start]): StoredBlock => {
    const block = new OpenCounterBlock({ start, upTo: 0n })
    for (const { entry, delta } of changes.get(name)!) {
      block.add(entry.payment, delta)
      block.upTo = entry._id
    }
    return { _id: partName(name, part), ...block.content() }
  })
  await insertOnce(collection, blocks)
}
