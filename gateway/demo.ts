// What a demo hub has and one in production has not: known keys, invented data, and simulated wallets that keep paying.

import type { FastifyBaseLogger } from 'fastify'
import type { Db } from 'mongodb'
import { loadDataset, type ReferenceRows } from '../dataset/load.ts'
import { startTraffic, type Traffic } from '../dataset/traffic.ts'
import type { Currency } from '../schema/values/currency.ts'
import { importMerchants } from '../subgraphs/merchant/index.ts'
import { importReference } from '../subgraphs/participant/index.ts'
import type { Reference } from '../subgraphs/reference.ts'
import { builtInRates, importPayments } from '../subgraphs/transaction/index.ts'
import type { Config } from './config.ts'
import { newKey } from './identity/key.ts'
import type { Guest } from './identity/key-ring.ts'
import { keyStore } from './identity/key-store.ts'

/** Adds the demo keys, and the data set where there is none: 1 % of the programme takes some seconds, the first time. */
export async function seedDemo(
  db: Db,
  config: Config,
  log: FastifyBaseLogger,
  now: () => Date,
): Promise<void> {
  await keyStore(db).seedDemo(now())
  await loadDataset(db, {
    seed: config.SEED,
    scale: config.SCALE,
    until: now(),
    rates: builtInRates,
    importers: {
      reference: (rows) => importReference(db, rows),
      merchants: (merchants, products) => importMerchants(db, merchants, { products, at: now() }),
      payments: (payments, rows) => importPayments(db, byId(rows), payments),
    },
    log,
  })
}

const byId = ({ participants, corridors }: ReferenceRows): Pick<Reference, 'participants' | 'corridors'> => ({
  participants: new Map(participants.map((participant) => [participant.id, participant])),
  corridors: new Map(corridors.map((corridor) => [corridor.id, corridor])),
})

/** A wallet that the hub pays with by itself, under a key that only this process knows. */
export interface SimulatedWallet extends Guest {
  readonly currency: Currency
}

/** All wallets that are live, by id. */
export const simulatedWallets = ({ participants }: Reference): readonly SimulatedWallet[] =>
  [...participants.values()]
    .filter(({ roles, status }) => roles.includes('WALLET') && status === 'LIVE')
    .map(({ id, settlementCurrency }) => ({
      key: newKey(),
      viewer: {
        participant: id,
        scopes: new Set(['coverage:read', 'payments:write'] as const),
        key: `simulated ${id}`,
      },
      currency: settlementCurrency,
    }))

export function startWallets(
  { TRAFFIC, SEED }: Config,
  url: string,
  wallets: readonly SimulatedWallet[],
  log: FastifyBaseLogger,
): Traffic {
  return startTraffic({
    url: `${url}/graphql`,
    keys: wallets.map(({ key, viewer, currency }) => ({ wallet: viewer.participant, key, currency })),
    perSecond: TRAFFIC,
    seed: SEED,
    rates: builtInRates,
    log,
  })
}
