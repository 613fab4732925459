// A database as the first start of a demo leaves it: a copy of the one that the run has loaded.

import type { CreateCollectionOptions, Db, Document, IndexDescription } from 'mongodb'
import { inject } from 'vitest'
import { resumeFromNow } from '../../subgraphs/transaction/log/backfill.ts'
import { freshDatabase, type FreshDatabase } from '../harness/mongo.ts'

interface Content {
  readonly name: string
  readonly options: CreateCollectionOptions
  readonly indexes: readonly IndexDescription[]
  readonly documents: readonly Document[]
}

/** Read once by each worker. */
let contents: Promise<readonly Content[]> | undefined

/** Creates a database with the data set of a demo, dropped after the test file. */
export async function demoDatabase(): Promise<FreshDatabase> {
  const database = await freshDatabase()
  await copyDemoData(database.db, database.mongo.db(inject('demoData')))
  return database
}

/** Copies the data set into `to`, which is empty and may be of another MongoDB. */
export async function copyDemoData(to: Db, from: Db): Promise<void> {
  const all = await (contents ??= read(from))
  await Promise.all(all.map((content) => write(to, content)))
  const [state] = all.find(({ name }) => name === 'logState')!.documents
  // A token of the stream of another database would bring the copied payments as new ones.
  await resumeFromNow(to, BigInt(String(state!.position)))
}

async function read(db: Db): Promise<readonly Content[]> {
  const collections = await db.listCollections({}, { nameOnly: false }).toArray()
  return Promise.all(
    collections.map(async ({ name, options }) => {
      // Numbers keep their types.
      const collection = db.collection(name, { promoteValues: false, useBigInt64: false })
      const [indexes, documents] = await Promise.all([collection.indexes(), collection.find().toArray()])
      return {
        name,
        options: options as CreateCollectionOptions,
        indexes: indexes.filter((index) => index.name !== '_id_'),
        documents,
      }
    }),
  )
}

async function write(db: Db, { name, options, indexes, documents }: Content): Promise<void> {
  const collection = await db.createCollection(name, options)
  if (indexes.length > 0) await collection.createIndexes([...indexes])
  if (documents.length > 0) await collection.insertMany(documents)
}
