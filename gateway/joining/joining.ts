// Joins subgraphs of others from three sources: the offers that the hub starts, the file of the settings, and
// the collection that the operator’s mutations write.

import type { Db } from 'mongodb'
import { pause } from '../../subgraphs/platform/async/promise.ts'
import type { Logger } from '../../subgraphs/platform/logger.ts'
import { openJoinedSubgraphs } from '../../subgraphs/shared/joined-subgraphs.ts'
import { webhookReach, type Config } from '../config/config.ts'
import type { GraphChecker } from './graph-checker.ts'
import type { GraphKeeper, JoinedSubgraph } from './graph-keeper.ts'
import type { OffersProcess } from './offers-process.ts'
import { readOffers } from './own-graph.ts'
import { openSubgraphsFile } from './subgraphs-file.ts'

export interface JoiningOptions {
  readonly config: Config
  readonly db: Db
  /** Null when the hub has not started it. */
  readonly offers: OffersProcess | null
  readonly keeper: Pick<GraphKeeper, 'set'>
  readonly logger: Logger
}

export interface Joining {
  /** Resolves when this hub serves what the operator had joined at the time of the call. */
  refresh(): Promise<void>
  close(): Promise<void>
}

/** How long a start waits for the offers process; it is joined later when it takes longer. */
const offersWithinMs = 15_000

/** Resolves when the subgraphs that answer are joined. Throws `SubgraphsFileError`. */
export async function openJoining({ config, db, offers, keeper, logger }: JoiningOptions): Promise<Joining> {
  const started = new AsyncDisposableStack()
  try {
    // The first graph has them, unless they take long.
    if (offers) void joinedOffers(offers).then((joined) => keeper.set('HUB', joined))
    const stored = await openJoinedSubgraphs(db, logger, (all) =>
      keeper.set(
        'OPERATOR',
        all.map(({ id, url, sdl }) => ({ name: id, url, sdl, headers: {} })),
      ),
    )
    started.defer(() => stored.close())
    if (config.SUBGRAPHS_FILE !== undefined) {
      const file = await openSubgraphsFile({
        file: config.SUBGRAPHS_FILE,
        reach: webhookReach(config),
        take: (subgraphs) => keeper.set('FILE', subgraphs),
        logger,
      })
      started.defer(() => file.close())
    }
    const opened = started.move()
    return { refresh: () => stored.refresh(), close: () => opened.disposeAsync() }
  } finally {
    await started.disposeAsync()
  }
}

/**
 * The same for a process that only checks subgraphs: it starts no offers process. Throws
 * `SubgraphsFileError`.
 */
export async function openCheckedJoining(
  options: Omit<JoiningOptions, 'keeper' | 'offers'> & { readonly checker: GraphChecker },
): Promise<Joining> {
  const { config, checker } = options
  if (config.OFFERS === 'start') await checker.set('HUB', [await offersAt('')])
  return openJoining({ ...options, offers: null, keeper: checker })
}

const offersAt = async (url: string): Promise<JoinedSubgraph> => ({
  ...(await readOffers()),
  url,
  headers: {},
  isOnThisMachine: true,
})

/** The offers once they are ready. */
const joinedOffers = async (offers: OffersProcess): Promise<readonly JoinedSubgraph[]> => [
  await offersAt(await offers.url),
]

/** What the first graph of a hub has joined: the offers, or nothing when they take long. */
export async function firstJoined(offers: OffersProcess): Promise<readonly JoinedSubgraph[]> {
  const closing = new AbortController()
  const late = pause(offersWithinMs, closing.signal).then(() => [])
  const joined = await Promise.race([joinedOffers(offers), late])
  closing.abort()
  return joined
}
