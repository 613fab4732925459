// Checkpoints: how far each projection has read the log, and which epoch of its results is published.
//
// Every epoch has collections of its own. So a rebuild never empties a collection that another process still
// writes to or reads from: it writes a new epoch, and the previous one stays published until the new one has
// caught up.

import type { ClientSession, Collection, Db, Document } from 'mongodb'
import type { Lease } from '../platform/mongo/lease.ts'

/** The results of one epoch. */
export interface Results {
  readonly epoch: number
  collection<Doc extends Document>(name: string): Collection<Doc>
}

/** How far the results of an epoch go. */
export interface EpochPosition {
  /** Number of rebuilds before it. */
  readonly epoch: number
  /** Position of the last entry that the results contain; 0 before the first. */
  readonly position: bigint
}

/** A document of the collection `places`. Retention keeps all entries after the lowest checkpoint. */
export interface StoredCheckpoint extends EpochPosition {
  /** The projection's name. */
  readonly _id: string
  /** During a rebuild: the previous epoch, which is still published. */
  readonly shown?: EpochPosition
}

/**
 * The collection is called `places`, as checkpoints once were: renaming it would start every projection from
 * entry 1.
 */
export const checkpointsOf = (db: Db): Collection<StoredCheckpoint> =>
  db.collection<StoredCheckpoint>('places')

/** Returns the published epoch of projection `name`, and its position. */
export async function publishedOf(db: Db, name: string): Promise<EpochPosition> {
  const checkpoint = await checkpointsOf(db).findOne({ _id: name })
  const { epoch, position } = checkpoint?.shown ?? checkpoint ?? beginning
  return { epoch, position }
}

/** Returns the published epoch of projection `name`, and during a rebuild the next one too. */
export async function epochsOf(db: Db, name: string): Promise<readonly EpochPosition[]> {
  const checkpoint = await checkpointsOf(db).findOne({ _id: name })
  return checkpoint ? [...(checkpoint.shown ? [checkpoint.shown] : []), checkpoint] : []
}

/** Starts a new projection after `position`. Does nothing when projection `name` has a checkpoint already. */
export async function beginAfter(db: Db, name: string, position: bigint): Promise<void> {
  await checkpointsOf(db).updateOne({ _id: name }, { $setOnInsert: { epoch: 0, position } }, { upsert: true })
}

export const resultsOf = (db: Db, epoch: number): Results => ({
  epoch,
  collection: (name) => db.collection(collectionName(name, epoch)),
})

/** Reads published results. Runs `read` again when another epoch is published in the meantime. */
export async function readPublished<Found>(
  db: Db,
  name: string,
  read: (results: Results) => Promise<Found>,
): Promise<Found> {
  for (let before = await publishedOf(db, name); ;) {
    const found = await read(resultsOf(db, before.epoch))
    const after = await publishedOf(db, name)
    if (after.epoch === before.epoch) return found
    before = after
  }
}

/**
 * The checkpoint of a projection that this process runs. A move fails once another process has moved the
 * stored checkpoint or started a rebuild: the stored one must then be loaded again.
 */
export class Checkpoint {
  readonly results: Results
  readonly #db: Db
  readonly #name: string
  readonly #collections: readonly string[]
  #position: bigint
  #movedAtMs = performance.now()
  /** The epoch that stays published until this one has caught up; null when this one is published. */
  #publishedEpoch: number | null

  private constructor(
    db: Db,
    { _id, epoch, position, shown }: StoredCheckpoint,
    collections: readonly string[],
  ) {
    this.#db = db
    this.#name = _id
    this.#collections = collections
    this.#position = position
    this.#publishedEpoch = shown?.epoch ?? null
    this.results = resultsOf(db, epoch)
  }

  /**
   * Loads the checkpoint of projection `name`, whose results are in `collections`. A new one is before the
   * first entry.
   */
  static async load(db: Db, name: string, collections: readonly string[] = []): Promise<Checkpoint> {
    const stored = await checkpointsOf(db).findOneAndUpdate(
      { _id: name },
      // A document of a version without epochs lacks `epoch`.
      [
        {
          $set: {
            position: { $ifNull: ['$position', beginning.position] },
            epoch: { $ifNull: ['$epoch', beginning.epoch] },
          },
        },
      ],
      { upsert: true, returnDocument: 'after' },
    )
    return new Checkpoint(db, stored!, collections)
  }

  get position(): bigint {
    return this.#position
  }

  /** Moves to `position`; false when the stored checkpoint has changed. */
  async moveTo(position: bigint): Promise<boolean> {
    const isMoved = await this.#save(position)
    if (isMoved) this.#setPosition(position)
    return isMoved
  }

  /**
   * Moves to `position` in the MongoDB transaction in which `write` runs; false when the stored checkpoint
   * has changed. After a write conflict both run again, until `lease` ends: then it throws. The next holder
   * has then aborted what was open, and must not find another transaction begun.
   */
  async moveWith(
    position: bigint,
    lease: Pick<Lease, 'session' | 'isHeld'>,
    write: (session: ClientSession) => Promise<void>,
  ): Promise<boolean> {
    const { session } = lease
    const isMoved = await session.withTransaction(async () => {
      if (!lease.isHeld()) throw new Error('the lease of the projection is lost')
      if (!(await this.#save(position, session))) return false
      await write(session)
      return true
    })
    if (isMoved) this.#setPosition(position)
    return isMoved
  }

  /**
   * Moves past entries that change no result: a move costs a write, so at most every 500 ms. False as for
   * `moveTo`.
   */
  async movePast(position: bigint): Promise<boolean> {
    const isDue = position > this.#position && performance.now() - this.#movedAtMs >= idleMoveMs
    return isDue ? this.moveTo(position) : true
  }

  /** False once a rebuild has started. */
  async isCurrent(): Promise<boolean> {
    const same = { _id: this.#name, epoch: this.results.epoch }
    return (await checkpointsOf(this.#db).countDocuments(same)) > 0
  }

  /** Publishes this epoch, unless it is published already, and drops the previous one. */
  async publish(): Promise<void> {
    if (this.#publishedEpoch === null) return
    const same = { _id: this.#name, epoch: this.results.epoch }
    const { matchedCount } = await checkpointsOf(this.#db).updateOne(same, { $unset: { shown: true } })
    this.#publishedEpoch = null
    if (matchedCount > 0) await this.dropOtherEpochs()
  }

  /** Drops the results of all epochs but this one and the published one. */
  async dropOtherEpochs(): Promise<void> {
    if (this.#collections.length === 0) return
    const found = await this.#db.listCollections({}, { nameOnly: true }).toArray()
    for (const { name } of found) {
      const epoch = epochIn(this.#collections, name)
      const isKept = epoch === null || epoch === this.results.epoch || epoch === this.#publishedEpoch
      if (!isKept) await this.#db.collection(name).drop()
    }
  }

  /** False when the stored checkpoint is not the one that was loaded or saved last. */
  async #save(position: bigint, session?: ClientSession): Promise<boolean> {
    const { matchedCount } = await checkpointsOf(this.#db).updateOne(
      { _id: this.#name, epoch: this.results.epoch, position: this.#position },
      { $set: { position } },
      session && { session },
    )
    return matchedCount > 0
  }

  #setPosition(position: bigint): void {
    this.#position = position
    this.#movedAtMs = performance.now()
  }
}

/** The first epoch has the plain name. */
const collectionName = (name: string, epoch: number): string => (epoch === 0 ? name : `${name}_${epoch}`)

/** Returns the epoch of the collection called `found`; null when it belongs to none of `collections`. */
function epochIn(collections: readonly string[], found: string): number | null {
  if (collections.includes(found)) return 0
  const [, name = '', epoch] = /^(.+)_(\d+)$/.exec(found) ?? []
  return collections.includes(name) ? Number(epoch) : null
}

const beginning: EpochPosition = { epoch: 0, position: 0n }
/** How often a checkpoint moves while its projection ignores everything that it reads. */
const idleMoveMs = 500
