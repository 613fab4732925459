// The version of a database: how far its stored forms have been migrated, and which hubs may still run over
// it. A newer hub migrates it when it starts, while older hubs serve.
//
// A change of a stored form takes two releases. The first only adds: it reads both forms, writes the new
// one beside the old one, and its migration adds the new one to what is stored. The second removes the
// old form: its migration names the oldest hub that can do without.

import { randomUUID } from 'node:crypto'
import type { Collection, Db } from 'mongodb'
import { asError, pause } from '../async/promise.ts'
import type { Logger } from '../logger.ts'
import { isOutage } from './errors.ts'
import { holdLease, type Lease } from './lease.ts'

/** The work of a migration. It may run again from any place, so it is idempotent. */
export interface MigrationWork {
  readonly db: Db
  /** What the last `save` of an interrupted run has stored; null at first. */
  readonly place: unknown
  /**
   * Stores where to resume, and how much is done of what there is. Throws when another hub has taken over.
   */
  save(place: unknown, done: number, total: number): Promise<void>
}

export interface Migration {
  /** Of the database after it: 2, 3, 4 …, with no gap. */
  readonly version: number
  /** What it changes, for the log: "give each checkpoint an epoch". */
  readonly what: string
  /** The oldest version of a hub that can run once it begins; left out where it only adds. */
  readonly oldestHub?: number
  run(work: MigrationWork): Promise<void>
}

/**
 * DATABASE_NEWER: this hub is too old for the database. HUBS_OLDER: hubs that run are too old for a
 * migration.
 */
export class SchemaVersionError extends Error {
  readonly code: 'DATABASE_NEWER' | 'DATABASE_OLDER' | 'HUBS_OLDER'
  constructor(code: SchemaVersionError['code'], message: string) {
    super(message)
    this.code = code
  }
}

export interface SchemaVersionOptions {
  readonly migrations: readonly Migration[]
  readonly logger: Pick<Logger, 'error' | 'info'>
  /** A hub that does not renew its record for this long counts as ended. Default: 8,000. */
  readonly ttlMs?: number
}

export interface SchemaVersion {
  /** Resolves when a newer hub has begun a migration that this one is too old for; never otherwise. */
  readonly outdated: Promise<SchemaVersionError>
  /** Removes the record of this hub. */
  close(): Promise<void>
}

interface StoredVersion {
  readonly version: number
  readonly oldestHub: number
  /** Where the migration to the next version resumes. */
  readonly place?: unknown
}

/** A hub that runs. */
interface HubRecord {
  readonly _id: string
  readonly version: number
  readonly expiresAt: Date
}

/** Of databases without a version, and of a hub without a migration. */
const baseline = 1

const versionId = { _id: 'schema' }
const versionsOf = (db: Db) => db.collection<StoredVersion & { _id: string }>('meta')
const hubsOf = (db: Db): Collection<HubRecord> => db.collection<HubRecord>('hubs')

/** The version that a hub with these migrations writes. */
const versionOf = (migrations: readonly Migration[]): number => migrations.at(-1)?.version ?? baseline

/** What hubs with these migrations begin with. */
const newest = (migrations: readonly Migration[]): StoredVersion => ({
  version: versionOf(migrations),
  oldestHub: Math.max(baseline, ...migrations.map(({ oldestHub = baseline }) => oldestHub)),
})

/**
 * Throws a SchemaVersionError when a command with these migrations must not write to `db`. An empty
 * database gets their version.
 */
export async function checkSchemaVersion(db: Db, migrations: readonly Migration[]): Promise<void> {
  const own = versionOf(migrations)
  const stored = await readVersion(db, migrations)
  refuseNewer(db, stored, own)
  if (stored.version >= own) return
  throw new SchemaVersionError(
    'DATABASE_OLDER',
    `the database ${db.databaseName} is of version ${stored.version}, and this command of version ${own}: start a hub of this release first, which migrates it`,
  )
}

/**
 * Refuses a database that is too new for this hub, migrates one that is older, and records that this hub
 * runs. Throws a SchemaVersionError.
 */
export async function openSchemaVersion(db: Db, options: SchemaVersionOptions): Promise<SchemaVersion> {
  const own = versionOf(options.migrations)
  refuseNewer(db, await readVersion(db, options.migrations), own)
  const record = await announce(db, own, options.ttlMs ?? 8_000)
  try {
    // Read again: a newer hub that has not seen the record has stored what it needs before.
    const stored = await readVersion(db, options.migrations)
    refuseNewer(db, stored, own)
    if (stored.version < own) await migrate(db, stored, own, options)
    return record
  } catch (error) {
    await record.close()
    throw error
  }
}

/**
 * An empty database has the version of the first hub, and one that older hubs have filled the
 * baseline.
 */
async function readVersion(db: Db, migrations: readonly Migration[]): Promise<StoredVersion> {
  const stored = await versionsOf(db).findOne(versionId)
  if (stored) return stored
  const [collection] = await db.listCollections({}, { nameOnly: true }).toArray()
  const first = collection ? { version: baseline, oldestHub: baseline } : newest(migrations)
  const begun = await versionsOf(db).findOneAndUpdate(
    versionId,
    { $setOnInsert: first },
    { upsert: true, returnDocument: 'after' },
  )
  return begun!
}

function refuseNewer(db: Db, { version, oldestHub }: StoredVersion, own: number): void {
  if (own >= oldestHub) return
  throw new SchemaVersionError(
    'DATABASE_NEWER',
    `the database ${db.databaseName} is of version ${version} and takes hubs of version ${oldestHub} or newer, and this one is of version ${own}: run a newer release`,
  )
}

/** Records that this hub runs, until closed. */
async function announce(db: Db, version: number, ttlMs: number): Promise<SchemaVersion> {
  const _id = randomUUID()
  const closing = new AbortController()
  const { promise: outdated, resolve } = Promise.withResolvers<SchemaVersionError>()
  const expiresAt = { $add: ['$$NOW', ttlMs] }
  const renew = () => hubsOf(db).updateOne({ _id }, [{ $set: { version, expiresAt } }], { upsert: true })
  await hubsOf(db).createIndex({ expiresAt: 1 }, { name: 'expiresAt', expireAfterSeconds: 0 })
  await renew()

  async function keep(): Promise<void> {
    while (!closing.signal.aborted) {
      await pause(ttlMs / 4, closing.signal)
      if (closing.signal.aborted) return
      try {
        await renew()
        const stored = await versionsOf(db).findOne(versionId)
        if (stored) refuseNewer(db, stored, version)
      } catch (error) {
        // An outage is reported by what serves clients.
        if (error instanceof SchemaVersionError) resolve(error)
      }
    }
  }
  const keeping = keep()
  return {
    outdated,
    async close() {
      closing.abort()
      await keeping
      // A record that cannot be removed expires.
      await hubsOf(db)
        .deleteOne({ _id })
        .catch(() => {})
    },
  }
}

/** Migrates up to version `own`, under a lease; another hub may do it instead. */
async function migrate(
  db: Db,
  { version }: StoredVersion,
  own: number,
  { migrations, logger }: SchemaVersionOptions,
): Promise<void> {
  const about = { database: db.databaseName, version, hub: own }
  logger.info(about, 'the database is of an earlier version: this hub or another one migrates it')
  const { promise: migrated, resolve, reject } = Promise.withResolvers<void>()
  const holder = holdLease({ db, name: 'schema', logger }, async (lease) => {
    try {
      for (;;) {
        const stored = await readVersion(db, migrations)
        refuseNewer(db, stored, own)
        const next = migrations.find((each) => each.version === stored.version + 1)
        if (!next) return resolve()
        await runMigration(db, stored, next, lease, logger)
      }
    } catch (error) {
      // The next holder resumes, which may be this process.
      if (!lease.isHeld() || isOutage(error)) throw error
      reject(asError(error))
    }
  })
  try {
    await migrated
  } finally {
    await holder.close()
  }
}

async function runMigration(
  db: Db,
  stored: StoredVersion,
  { version, what, oldestHub = baseline, run }: Migration,
  lease: Lease,
  logger: Pick<Logger, 'info'>,
): Promise<void> {
  if (oldestHub > stored.oldestHub) await excludeHubs(db, version, oldestHub, lease)
  logger.info({ version, resumes: stored.place !== undefined }, `migrating the database: ${what}`)
  let loggedAtMs = performance.now()
  const update = async (change: object): Promise<void> => {
    const isBefore = { _id: 'schema', version: stored.version }
    if (!lease.isHeld()) throw new Error('the lease of the migration is lost')
    const { matchedCount } = await versionsOf(db).updateOne(isBefore, change)
    if (matchedCount === 0) throw new Error('another hub has completed it')
  }
  await run({
    db,
    place: stored.place ?? null,
    async save(place, done, total) {
      await update({ $set: { place } })
      if (performance.now() - loggedAtMs < progressEveryMs) return
      loggedAtMs = performance.now()
      logger.info({ version, done, total }, `migrating the database: ${what}`)
    },
  })
  await update({ $set: { version }, $unset: { place: true } })
  logger.info({ version }, 'migrated the database')
}

/** A start is never silent for longer. */
const progressEveryMs = 4_000

/**
 * Refuses hubs older than `oldestHub` from now on. Throws HUBS_OLDER when such a hub runs. One that has
 * started meanwhile ends by itself, which is waited for.
 */
async function excludeHubs(db: Db, version: number, oldestHub: number, lease: Lease): Promise<void> {
  const running = () =>
    hubsOf(db).countDocuments({ version: { $lt: oldestHub }, $expr: { $gt: ['$expiresAt', '$$NOW'] } })
  const count = await running()
  if (count > 0) {
    throw new SchemaVersionError(
      'HUBS_OLDER',
      `version ${version} of the database ${db.databaseName} takes hubs of version ${oldestHub} or newer, and ${count} older ones run: upgrade or stop them first`,
    )
  }
  await versionsOf(db).updateOne(versionId, { $max: { oldestHub } })
  while ((await running()) > 0) {
    await pause(200, lease.signal)
    if (!lease.isHeld()) throw new Error('the lease of the migration is lost')
  }
}
