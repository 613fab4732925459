// Starts the rebuild of a projection.

import type { Db } from 'mongodb'
import { checkpointsOf } from './checkpoint.ts'
import { readNextEntry } from './store.ts'

/** Neither the log nor its archive goes back far enough. */
export class LogTrimmedError extends Error {
  override readonly name = 'LogTrimmedError'
  /** Position of the first entry that can be read. */
  readonly first: bigint
  constructor(message: string, first: bigint) {
    super(message)
    this.first = first
  }
}

/**
 * Makes projection `name` compute its results again in a new epoch, from the entry at `from` on, and returns
 * `from`. The process that runs the projection starts within a second. Until the new epoch has caught up, the
 * previous results stay published. Throws LogTrimmedError when the entry at `from` can no longer be read.
 */
export async function rebuild(db: Db, name: string, from = 1n): Promise<bigint> {
  const first = await readNextEntry(db, 0n)
  if (first && first._id > from) {
    const start = `position ${first._id} (${first.at.toISOString()})`
    throw new LogTrimmedError(`the log begins at ${start}: earlier entries can no longer be read`, first._id)
  }
  const current = { epoch: { $ifNull: ['$epoch', 0] }, position: { $ifNull: ['$position', 0n] } }
  await checkpointsOf(db).updateOne(
    { _id: name },
    [
      {
        $set: {
          shown: { $ifNull: ['$shown', current] },
          epoch: { $add: [current.epoch, 1] },
          position: from - 1n,
        },
      },
    ],
    { upsert: true },
  )
  return from
}
