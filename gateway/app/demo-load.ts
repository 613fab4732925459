// A process that loads the data set into a database and exits. `demo.ts` starts it and sends it a
// `LoadOrder`.

import { once } from 'node:events'
import { loadDataset, type ReferenceRows } from '../../dataset/load.ts'
import { importMerchants } from '../../subgraphs/merchant/index.ts'
import { importOffers } from '../../subgraphs/offers/index.ts'
import { importRegistry } from '../../subgraphs/participant/index.ts'
import { connect } from '../../subgraphs/platform/mongo/client.ts'
import type { Registry } from '../../subgraphs/shared/registry.ts'
import { builtInRates, importPayments } from '../../subgraphs/transaction/index.ts'

/** The data set to load, and the database to load it into. */
export interface LoadOrder {
  readonly uri: string
  readonly database: string
  readonly seed: number
  readonly scale: number
  readonly until: Date
}

/** A log line that the process sends to its parent. */
export interface LoadLine {
  readonly level: 'info' | 'warn'
  readonly message: string
}

const [order] = await once(process, 'message')
const { uri, database, seed, scale, until } = order as LoadOrder
const report = (level: LoadLine['level']) => (message: string) => process.send?.({ level, message })

const byId = ({ participants, corridors }: ReferenceRows): Pick<Registry, 'participants' | 'corridors'> => ({
  participants: new Map(participants.map((participant) => [participant.id, participant])),
  corridors: new Map(corridors.map((corridor) => [corridor.id, corridor])),
})

const mongo = await connect(uri)
const db = mongo.db(database)
await loadDataset(db, {
  seed,
  scale,
  until,
  rates: builtInRates,
  importers: {
    reference: (rows) => importRegistry(db, rows),
    merchants: (merchants, products) => importMerchants(db, merchants, { products, at: until }),
    offers: (offers) => importOffers(db, offers),
    payments: (payments, rows) => importPayments(db, byId(rows), payments),
  },
  logger: { info: report('info'), warn: report('warn') },
})
await mongo.close()
process.disconnect()
