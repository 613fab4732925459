// Compares the indexes of every store with the shard keys of docs/decisions/limits-of-one-log.md.

import { expect, test } from 'vitest'
import { resultsOf } from '../subgraphs/log/checkpoint.ts'
import { trimLog } from '../subgraphs/log/retention.ts'
import { batchOf, logOf, makeLogIndexes } from '../subgraphs/log/store.ts'
import { createActivityStore } from '../subgraphs/analytics/block-store.ts'
import { createCodeStore } from '../subgraphs/merchant/code-store.ts'
import { createMerchantIndexes } from '../subgraphs/merchant/stored-merchant.ts'
import { importRegistry } from '../subgraphs/participant/participant-store.ts'
import { openAlertLog } from '../subgraphs/shared/alert-log.ts'
import { openAuditLog } from '../subgraphs/shared/audit-log.ts'
import { createIdempotentWriter } from '../subgraphs/shared/idempotent-writer.ts'
import { createSettlementIndexes } from '../subgraphs/transaction/settlement/batch-store.ts'
import { bookingsProjection } from '../subgraphs/transaction/settlement/bookings.ts'
import { positionsProjection } from '../subgraphs/transaction/settlement/positions.ts'
import { createPaymentIndexes } from '../subgraphs/transaction/store/payment-indexes.ts'
import { createDeliveryStore } from '../subgraphs/transaction/webhooks/delivery-store.ts'
import { createEndpointStore } from '../subgraphs/transaction/webhooks/endpoint-store.ts'
import { anEntry } from './fixtures/a-log-entry.ts'
import { noon } from './fixtures/a-programme.ts'
import { files, read } from './harness/files.ts'
import { freshDatabase } from './harness/mongo.ts'
import { canBeUnique, placements } from './harness/shard-keys.ts'

const { db } = await freshDatabase()

test('every unique index contains the shard key, or is a known obstacle', async () => {
  await makeLogIndexes(db)
  await logOf(db).insertMany([batchOf([anEntry(1)]), batchOf([anEntry(2)])])
  await trimLog(db, new Date(noon.getTime() + 1), [])
  await createPaymentIndexes(db)
  await createSettlementIndexes(db)
  await createMerchantIndexes(db)
  await createCodeStore(db)
  await createDeliveryStore(db)
  await createEndpointStore(db)
  await createIdempotentWriter(db)
  await openAuditLog(db)
  await openAlertLog(db)
  await importRegistry(db, { participants: [], projects: [], corridors: [] }).catch(() => {})
  await createActivityStore(resultsOf(db, 0))
  await positionsProjection.begin!(resultsOf(db, 0))
  await bookingsProjection({ corridors: new Map() as never }).begin!(resultsOf(db, 0))

  const refused: string[] = []
  let unique = 0
  for (const { name } of await db.listCollections({}, { nameOnly: true }).toArray()) {
    const { key } = placements[name]!
    for (const index of await db.collection(name).indexes()) {
      if (!index.unique) continue
      unique++
      if (!canBeUnique(key, index.key)) refused.push(`${name}.${index.name}`)
    }
  }
  const known = Object.entries(placements).flatMap(([name, { obstacles }]) =>
    Object.keys(obstacles ?? {}).map((index) => `${name}.${index}`),
  )
  expect(refused.toSorted()).toEqual(known.toSorted())

  // All of them are here: the source has no other.
  const sources = files.filter((file) => /^(subgraphs|gateway)\/.*\.ts$/.test(file))
  expect(unique).toBe(sources.flatMap((file) => [...read(file).matchAll(/unique: true/g)]).length)
})
