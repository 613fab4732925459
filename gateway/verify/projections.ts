// Where each projection of the log stands, and the collections that hold its published results.

import type { Snapshot } from './snapshot.ts'

interface StoredCheckpoint {
  readonly _id: string
  readonly epoch?: number
  readonly position?: bigint
  /** During a rebuild: the results that are still published. */
  readonly shown?: { readonly epoch: number; readonly position: bigint }
}

/** A projection's published results. */
export interface Published {
  /** The last position that they contain. */
  readonly position: bigint
  /** Returns the name of a collection of results. */
  collection(name: string): string
}

/** Reads the published state of every projection; one without a checkpoint stands before the first entry. */
export async function readPublished(snapshot: Snapshot): Promise<(name: string) => Published> {
  const stored = await snapshot.find<StoredCheckpoint>('places').toArray()
  const byName = new Map(stored.map((checkpoint) => [checkpoint._id, checkpoint]))
  return (name) => {
    const checkpoint = byName.get(name)
    const { epoch = 0, position = 0n } = checkpoint?.shown ?? checkpoint ?? {}
    return { position, collection: (collection) => (epoch === 0 ? collection : `${collection}_${epoch}`) }
  }
}
