// Runs the operation `Programme` over a loaded data set, joined from three subgraphs in this process: what a
// hub would have answered the operator at the end of the data set. Nothing is counted meanwhile.

import { readFile } from 'node:fs/promises'
import type { Db } from 'mongodb'
import { openAnalyticsSubgraph } from '../../subgraphs/analytics/index.ts'
import { openMerchantSubgraph } from '../../subgraphs/merchant/index.ts'
import { openParticipantSubgraph } from '../../subgraphs/participant/index.ts'
import type { Logger } from '../../subgraphs/platform/logger.ts'
import { hubParticipant, openRegistry } from '../../subgraphs/shared/registry.ts'
import { scalars } from '../../subgraphs/shared/scalars.ts'
import type { Subgraph } from '../../subgraphs/shared/subgraph.ts'
import { accessOf } from '../identity/access.ts'
import { createKeyStore } from '../identity/key-store.ts'
import { readOwnGraph } from '../joining/own-graph.ts'
import { createInProcessConnection, openSupergraph, type SubgraphConnection } from '../supergraph/index.ts'
import { closeLater } from './foundation.ts'
import { createMerchantDirectory } from './merchant-directory.ts'

/** What the operation `Programme` gives. */
export interface ProgrammeAnswer {
  readonly mainlandMerchants: number
  readonly qrProducts: number
  readonly onlineMerchants: number
  readonly foreignMerchants: number
  readonly wallets: number
  readonly walletCountries: number
  readonly projects: number
  readonly projectCountries: number
  readonly payments: number
  readonly value: { readonly amount: string; readonly currency: string }
  readonly growth: { readonly paymentsPercent: number; readonly valuePercent: number } | null
}

const operations = new URL('../../schema/operations/portal.graphql', import.meta.url)

/** Throws when the answer has errors. */
export async function askProgramme(db: Db, at: Date, logger: Logger): Promise<ProgrammeAnswer> {
  await using started = new AsyncDisposableStack()
  const supergraph = await openSupergraph({
    supergraphSdl: (await readOwnGraph()).ownSupergraphSdl,
    subgraphs: await connect(started, db, at, logger),
    scalars,
    accessOf,
  })
  const prepared = supergraph.prepare(await readFile(operations, 'utf8'), 'Programme')
  if (prepared.kind !== 'prepared') throw new Error('the operation `Programme` is not valid')
  const viewer = { participant: hubParticipant, scopes: new Set(['operator'] as const), key: 'dataset' }
  const response = await prepared.execute({}, { viewer, requestId: 'dataset' })
  const { data, errors = [] } = JSON.parse(response.toString()) as {
    readonly data: { readonly programme: ProgrammeAnswer } | null
    readonly errors?: readonly { readonly message: string }[]
  }
  if (!data || errors.length > 0) throw new Error(errors.map(({ message }) => message).join('; '))
  return data.programme
}

async function connect(
  started: AsyncDisposableStack,
  db: Db,
  at: Date,
  logger: Logger,
): Promise<ReadonlyMap<string, SubgraphConnection>> {
  const now = (): Date => at
  const registry = closeLater(started, await openRegistry(db, logger))
  const connectTo = ({ name, app }: Subgraph) => createInProcessConnection(name, app)
  const merchant = connectTo(closeLater(started, await openMerchantSubgraph({ db, registry, now, logger })))
  const dependencies = { db, registry, now, logger, directory: createMerchantDirectory(merchant) }
  const participant = connectTo(
    closeLater(started, await openParticipantSubgraph({ ...dependencies, apiKeys: createKeyStore(db) })),
  )
  const analytics = connectTo(
    closeLater(
      started,
      await openAnalyticsSubgraph({ ...dependencies, cursorSecret: 'unused', hasWorkers: false }),
    ),
  )
  const notCalled: SubgraphConnection = {
    name: 'transaction',
    prepare: () => {
      throw new TypeError('the programme has no figure of the transaction subgraph')
    },
  }
  return new Map([participant, merchant, analytics, notCalled].map((one) => [one.name, one]))
}
