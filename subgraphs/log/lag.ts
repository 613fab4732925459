// The lag of projections: how far each is behind the log.

import type { Db } from 'mongodb'
import { checkpointsOf } from './checkpoint.ts'
import { readNextEntry, readTip } from './store.ts'

export interface Lag {
  /** The projection's name. */
  readonly projection: string
  readonly position: bigint
  /** Entries after `position`. */
  readonly entries: number
  /** Age of the first of these entries in milliseconds, by the hub's clock; 0 when there is none. */
  readonly ms: number
}

/** Returns the lag of every projection that has a checkpoint, in order of name. */
export async function lagsOf(db: Db, now: Date): Promise<readonly Lag[]> {
  const checkpoints = await checkpointsOf(db).find().sort({ _id: 1 }).toArray()
  return Promise.all(checkpoints.map(({ _id, position }) => lagAt(db, _id, position, now)))
}

/** Returns the lag of a projection whose checkpoint is at `position`. */
export async function lagAt(db: Db, projection: string, position: bigint, now: Date): Promise<Lag> {
  const tip = await readTip(db)
  const next = tip > position ? await readNextEntry(db, position) : undefined
  const ms = next ? Math.max(0, now.getTime() - next.at.getTime()) : 0
  return { projection, position, entries: Math.max(0, Number(tip - position)), ms }
}
