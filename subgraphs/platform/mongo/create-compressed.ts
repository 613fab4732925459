// Collections of an import: millions of documents that are read one by one and seldom change, so zstd is
// worth its time.

import type { Db } from 'mongodb'

/** Creates a collection that is compressed by zstd. */
export async function createCompressed(db: Db, name: string): Promise<void> {
  await db.createCollection(name, {
    storageEngine: { wiredTiger: { configString: 'block_compressor=zstd' } },
  })
}
