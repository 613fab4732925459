// A process that puts the data set into a database and ends. `demo.ts` starts it and sends it a `LoadOrder`.

import { once } from 'node:events'
import { loadDataset, type ReferenceRows } from '../../dataset/load.ts'
import { importMerchants } from '../../subgraphs/merchant/index.ts'
import { connect } from '../../subgraphs/platform/mongo/client.ts'
import { importRegistry } from '../../subgraphs/participant/index.ts'
import type { Registry } from '../../subgraphs/shared/registry.ts'
import { builtInRates, importPayments } from '../../subgraphs/transaction/index.ts'

/** What is to be loaded, and where. */
export interface LoadOrder {
  readonly uri: string
  readonly database: string
  readonly seed: number
  readonly scale: number
  readonly until: Date
}

/** What it has to say on the way. */
export interface LoadLine {
  readonly level: 'info' | 'warn'
  readonly message: string
}

const [order] = await once(process, 'message')
const { uri, database, seed, scale, until } = order as LoadOrder
const say = (level: LoadLine['level']) => (message: string) => process.send?.({ level, message })

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
    payments: (payments, rows) => importPayments(db, byId(rows), payments),
  },
  logger: { info: say('info'), warn: say('warn') },
})
await mongo.close()
process.disconnect()
