// A database in one file: gzip of BSON documents. A document { collection } comes before those of each
// collection, and { documents } with their number at the end. Indexes are left out, because a hub creates
// them when it starts.

import { BSON, type Db, type Document, type MongoClient } from 'mongodb'
import { createReadStream, createWriteStream } from 'node:fs'
import { rename, rm } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGunzip, createGzip } from 'node:zlib'

/** Of hubs that run, and of nothing else. */
const leftOut: ReadonlySet<string> = new Set(['hubs', 'leases'])

export type OnProgress = (collection: string, documents: number) => void

/**
 * Writes `db` to `file` as it is at one point of time, while hubs write to it; returns the number of
 * documents. MongoDB keeps a point of time for `minSnapshotHistoryWindowInSeconds`, by default five
 * minutes, and the driver’s error is thrown when that is over.
 */
export async function writeDump(
  client: MongoClient,
  db: Db,
  file: string,
  onProgress: OnProgress = () => {},
): Promise<number> {
  const partial = `${file}.partial`
  await using session = client.startSession({ snapshot: true })
  const collections = await db.listCollections({ type: 'collection' }, { nameOnly: true }).toArray()
  const names = collections.map(({ name }) => name).filter((name) => !leftOut.has(name))
  let documents = 0
  async function* records(): AsyncGenerator<Uint8Array> {
    for (const name of names.toSorted()) {
      yield BSON.serialize({ collection: name })
      // A read concern of the connection would win over that of the session. With `raw`, the driver gives the
      // bytes of a document as MongoDB has sent them.
      const options = { session, readConcern: 'snapshot', raw: true, batchSize: 1_000 } as const
      const found = db.collection(name).find({}, options)
      for await (const document of found) {
        yield document as unknown as Uint8Array
        if (++documents % 1_000 === 0) onProgress(name, documents)
      }
    }
    yield BSON.serialize({ documents })
  }
  try {
    await pipeline(
      Readable.from(records()),
      createGzip({ level: 6 }),
      createWriteStream(partial, { flush: true }),
    )
    await rename(partial, file)
  } finally {
    await rm(partial, { force: true })
  }
  return documents
}

/**
 * Writes the documents of `file` to `db`, which must be empty; returns how many. Throws when the file
 * is cut off.
 */
export async function readDump(file: string, db: Db, onProgress: OnProgress = () => {}): Promise<number> {
  let collection = ''
  let documents = 0
  let expected: number | null = null
  let batch: Document[] = []
  const write = async (): Promise<void> => {
    if (batch.length > 0) await db.collection(collection).insertMany(batch)
    documents += batch.length
    batch = []
    onProgress(collection, documents)
  }
  for await (const bytes of documentsIn(contentOf(file))) {
    // Int32, double and long stay what they are.
    const document = BSON.deserialize(bytes, { promoteValues: false })
    if (isMarker(document, 'collection')) {
      await write()
      collection = String(document['collection'])
    } else if (isMarker(document, 'documents')) {
      await write()
      expected = Number(document['documents'])
    } else if (batch.push(document) === 500) await write()
  }
  if (expected !== documents)
    throw new Error(`${file} is cut off: it has ${documents} documents, and not ${expected ?? 'its end'}`)
  return documents
}

/** The bytes of a compressed file; an error of reading ends them too. */
function contentOf(file: string): AsyncIterable<Buffer> {
  const content = createGunzip()
  createReadStream(file)
    .once('error', (error) => content.destroy(error))
    .pipe(content)
  return content
}

/** A stored document has an `_id`; a marker has its own member alone. */
const isMarker = (document: Document, name: string): boolean =>
  name in document && !('_id' in document) && Object.keys(document).length === 1

/** Cuts a stream of BSON into its documents, each of which begins with its length. */
async function* documentsIn(stream: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let rest: Buffer = Buffer.alloc(0)
  for await (const chunk of stream) {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk])
    let from = 0
    while (rest.length - from >= 4 && rest.length - from >= rest.readInt32LE(from)) {
      const to = from + rest.readInt32LE(from)
      yield rest.subarray(from, to)
      from = to
    }
    rest = rest.subarray(from)
  }
}
