// What a demo hub has and one in production has not: known keys, invented data, and simulated wallets that keep paying.
import type { Db } from 'mongodb'
import { fork } from 'node:child_process'
import { isDatasetDue } from '../../dataset/load.ts'
import { startTraffic, type Traffic } from '../../dataset/traffic.ts'
import type { Currency } from '../../schema/values/currency.ts'
import type { Registry } from '../../subgraphs/shared/registry.ts'
import { builtInRates } from '../../subgraphs/transaction/index.ts'
import type { Config } from '../config/config.ts'
import type { LoadLine, LoadOrder } from './demo-load.ts'
import { newKey } from '../identity/key.ts'
import type { Guest } from '../identity/key-ring.ts'
import { keyStore } from '../identity/key-store.ts'
import type { Logger } from '../../subgraphs/platform/logger.ts'

/** Adds the demo keys, and the data set where there is none: 1 % of the programme takes some seconds, the first time. */
export async function seedDemo(
  uri: string,
  db: Db,
  { SEED, SCALE }: Config,
  logger: Logger,
  now: () => Date,
): Promise<void> {
  await keyStore(db).seedDemo(now())
  const dataset = { seed: SEED, scale: SCALE }
  if (await isDatasetDue(db, { ...dataset, logger })) {
    await loadInProcess({ ...dataset, uri, database: db.databaseName, until: now() }, logger)
  }
}

/** Loading needs more memory than all that a hub does later, and only a process that ends gives all of it back. */
function loadInProcess(order: LoadOrder, logger: Logger): Promise<void> {
  const child = fork(new URL('demo-load.ts', import.meta.url), [], { serialization: 'advanced' })
  child.on('message', (line) => {
    const { level, message } = line as LoadLine
    logger[level](message)
  })
  child.send(order)
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('exit', (code, signal) =>
      code === 0 ? resolve() : reject(new Error(`loading the data set ended with ${code ?? signal}`)),
    )
  })
}

/** A wallet that the hub pays with by itself, under a key that only this process knows. */
export interface SimulatedWallet extends Guest {
  readonly currency: Currency
}

/** All wallets that are live, by id. */
export const simulatedWallets = ({ participants }: Registry): readonly SimulatedWallet[] =>
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
  logger: Logger,
): Traffic {
  return startTraffic({
    url: `${url}/graphql`,
    keys: wallets.map(({ key, viewer, currency }) => ({ wallet: viewer.participant, key, currency })),
    perSecond: TRAFFIC,
    seed: SEED,
    rates: builtInRates,
    logger,
  })
}
