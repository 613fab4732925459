// The sequencer’s lease, and the point from which the changes of payments are resumed.
//
// Each batch of the log holds a resume token. Changes that bring no events write no batch, and the oplog
// advances with every collection, so while payments are quiet that token would grow too old. Therefore the
// token is also saved here.

import type { Db } from 'mongodb'
import type { LogBatch } from '../../log/entry.ts'

export const sequencerLease = 'sequencer'

/** The document of the collection `logState`. */
interface SequencerState {
  readonly _id: 'sequencer'
  /** Every earlier change is in the log, provided that the log ends at `position`. */
  readonly token: unknown
  readonly position: bigint
  /** By MongoDB's clock; left out by an earlier version. */
  readonly at?: Date
}

/** The token that resumes after `latest`, the last batch of the log; null where it is unknown. */
export async function readResumeToken(
  db: Db,
  latest: Pick<LogBatch, 'last' | 'token'> | null,
): Promise<unknown> {
  const saved = await statesOf(db).findOne({ _id: 'sequencer' })
  return saved?.position === (latest?.last ?? 0n) ? saved.token : (latest?.token ?? null)
}

export async function saveResumeToken(db: Db, token: unknown, position: bigint): Promise<void> {
  const update = { $set: { token, position }, $currentDate: { at: true } } as const
  await statesOf(db).updateOne({ _id: 'sequencer' }, update, { upsert: true })
}

/** When the token was last saved, which happens every few seconds while no entry is written. */
export async function sequencerAdvancedAt(db: Db): Promise<Date | null> {
  return (await statesOf(db).findOne({ _id: 'sequencer' }, { projection: { at: 1 } }))?.at ?? null
}

const statesOf = (db: Db) => db.collection<SequencerState>('logState')
