// Keeps the graph of a hub: the own subgraphs, and those that the settings or the operator join. A new graph
// is composed and made beside the running one, and replaces it as a whole.

import type { Logger } from '../../subgraphs/platform/logger.ts'
import {
  replaceableSupergraph,
  type CompositionMistake,
  type HttpConnection,
  type ReplaceableSupergraph,
  type SubgraphConnection,
  type SubgraphSdl,
  type Supergraph,
} from '../supergraph/index.ts'
import { openComposer, type Composer } from './compose-in-thread.ts'
import type { Composed } from './composition.ts'
import type { ComposedGraph, OwnGraph } from './own-graph.ts'

/** A subgraph of others, with what the hub needs to call it. */
export interface JoinedSubgraph {
  readonly name: string
  readonly url: string
  readonly sdl: string
  /** Sent with each request to it; nothing else of the caller is. */
  readonly headers: Readonly<Record<string, string>>
  /** A process of the hub itself, which it may call whatever addresses are allowed to others. */
  readonly isOnThisMachine?: true
}

/** Where a subgraph is configured: the offers that the hub starts, `SUBGRAPHS_FILE`, or `joinSubgraph`. */
export type Source = 'HUB' | 'FILE' | 'OPERATOR'

export interface GraphKeeper {
  /** Serves the present graph. */
  readonly supergraph: ReplaceableSupergraph
  /** The joined subgraphs of the present graph. */
  readonly joined: readonly JoinedSubgraph[]
  /**
   * Replaces the subgraphs of one source. Resolves when the next graph serves, or with the mistakes that keep
   * the present one; they are logged.
   */
  set(source: Source, subgraphs: readonly JoinedSubgraph[]): Promise<readonly CompositionMistake[]>
  /** The mistakes that `subgraph` would make if the operator joined it; none when it can be joined. */
  check(subgraph: SubgraphSdl): Promise<readonly CompositionMistake[]>
  close(): Promise<void>
}

export interface GraphKeeperOptions extends OwnGraph {
  /** A graph that need not be composed again. */
  readonly composed?: ComposedGraph | null
  /** What the source HUB has joined in the first graph. Default: nothing. */
  readonly first?: readonly JoinedSubgraph[]
  readonly connections: ReadonlyMap<string, SubgraphConnection>
  readonly openGraph: (
    supergraphSdl: string,
    connections: ReadonlyMap<string, SubgraphConnection>,
  ) => Promise<Supergraph>
  readonly connect: (subgraph: JoinedSubgraph) => HttpConnection
  /** The longest that a request may run: until then, connections that the next graph lacks stay open. */
  readonly requestMs: number
  readonly logger: Pick<Logger, 'info' | 'error'>
}

type Accepted = ReadonlyMap<Source, readonly JoinedSubgraph[]>

interface Open {
  readonly subgraph: JoinedSubgraph
  readonly connection: HttpConnection
}

/** Starts with the graph of the own subgraphs and `first`; without `first` when that has mistakes. */
export async function openGraphKeeper(options: GraphKeeperOptions): Promise<GraphKeeper> {
  const keeper = new Keeper(options)
  await keeper.open()
  return {
    supergraph: keeper.supergraph,
    get joined() {
      return keeper.joined
    },
    set: (source, subgraphs) => keeper.set(source, subgraphs),
    check: (subgraph) => keeper.check(subgraph),
    close: () => keeper.close(),
  }
}

class Keeper {
  readonly #options: GraphKeeperOptions
  readonly #composer: Composer = openComposer()
  #supergraph: ReplaceableSupergraph | null = null
  #accepted: Accepted = new Map()
  /** The connections of the present graph, by the name of their subgraph. */
  #open: ReadonlyMap<string, Open> = new Map()
  #composed: { readonly key: string; readonly result: Promise<Composed> } | null
  readonly #retiring = new Map<HttpConnection, NodeJS.Timeout>()
  /** Changes are made one after the other. */
  #last: Promise<unknown> = Promise.resolve()

  constructor(options: GraphKeeperOptions) {
    this.#options = options
    const { composed } = options
    this.#composed = composed
      ? { key: JSON.stringify(composed.joined), result: Promise.resolve(composed) }
      : null
  }

  async open(): Promise<void> {
    const { first = [], openGraph, ownSupergraphSdl, connections } = this.#options
    await this.set('HUB', first)
    if (!this.#supergraph) await this.#serve(await openGraph(ownSupergraphSdl, connections))
  }

  get supergraph(): ReplaceableSupergraph {
    return this.#supergraph!
  }

  get joined(): readonly JoinedSubgraph[] {
    return [...this.#accepted.values()].flat()
  }

  set(source: Source, subgraphs: readonly JoinedSubgraph[]): Promise<readonly CompositionMistake[]> {
    const done = this.#last
      .then(() => this.#set(source, subgraphs))
      .catch((error: unknown) => {
        this.#options.logger.error(
          { err: error, source },
          'a new graph could not be made: the graph stays as it is',
        )
        return [mistakeOf('INTERNAL_SERVER_ERROR', error)]
      })
    this.#last = done
    return done
  }

  async check({ name, url, sdl }: SubgraphSdl): Promise<readonly CompositionMistake[]> {
    const others = othersThan(name, this.#accepted)
    const composed = await this.#compose([...others, { name, url: url ?? '', sdl }], name)
    return 'mistakes' in composed ? composed.mistakes : []
  }

  async close(): Promise<void> {
    await this.#last
    await this.#composer.close()
    for (const timer of this.#retiring.values()) clearTimeout(timer)
    const connections = [
      ...this.#retiring.keys(),
      ...[...this.#open.values()].map(({ connection }) => connection),
    ]
    await Promise.all(connections.map((connection) => connection.close()))
  }

  async #set(source: Source, subgraphs: readonly JoinedSubgraph[]): Promise<readonly CompositionMistake[]> {
    const before = this.#accepted.get(source) ?? []
    if (isSame(before, subgraphs)) return []
    const mistakes = await this.#take(new Map(this.#accepted).set(source, subgraphs))
    if (mistakes.length === 0) return []
    const { logger } = this.#options
    const names = subgraphs.map(({ name }) => name)
    logger.error({ source, names, mistakes }, 'subgraphs cannot be joined: the graph stays as it is')
    // At a start there is no earlier graph of this source to stay with: each that composes is joined.
    if (before.length === 0 && subgraphs.length > 1) {
      for (const subgraph of subgraphs) {
        const present = this.#accepted.get(source) ?? []
        await this.#take(new Map(this.#accepted).set(source, [...present, subgraph]))
      }
    }
    return mistakes
  }

  /** What a mutation has checked is not composed again when it is taken on. */
  #compose(joined: readonly (SubgraphSdl | JoinedSubgraph)[], newest?: string): Promise<Composed> {
    const { own, ownSupergraphSdl } = this.#options
    if (joined.length === 0) return Promise.resolve({ supergraphSdl: ownSupergraphSdl })
    const sdls = joined.map(sdlOf).toSorted(byName)
    const key = JSON.stringify(sdls)
    if (this.#composed?.key === key) return this.#composed.result
    const result = this.#composer.compose({ own, ownSupergraphSdl, joined: sdls, newest })
    this.#composed = { key, result }
    result.catch(() => (this.#composed = null))
    return result
  }

  /** Makes the graph of `accepted` and serves it; else returns the mistakes. */
  async #take(accepted: Accepted): Promise<readonly CompositionMistake[]> {
    const { connections, openGraph, connect, logger } = this.#options
    const joined = [...accepted.values()].flat()
    const composed = await this.#compose(joined)
    if ('mistakes' in composed) return composed.mistakes
    const open = new Map(
      joined.map((subgraph): [string, Open] => {
        const present = this.#open.get(subgraph.name)
        const isKept = present !== undefined && isSameEndpoint(present.subgraph, subgraph)
        return [subgraph.name, { subgraph, connection: isKept ? present.connection : connect(subgraph) }]
      }),
    )
    const kept = new Set([...this.#open.values()].map(({ connection }) => connection))
    try {
      const remote = [...open].map(([name, { connection }]) => [name, connection] as const)
      const next = await openGraph(
        composed.supergraphSdl,
        new Map<string, SubgraphConnection>([...connections, ...remote]),
      )
      await this.#serve(next)
    } catch (error) {
      for (const { connection } of open.values()) if (!kept.has(connection)) void connection.close()
      // For instance `@context`, which the engine does not apply: the message names it.
      return [mistakeOf('NOT_SUPPORTED', error)]
    }
    const used = new Set([...open.values()].map(({ connection }) => connection))
    for (const connection of kept) if (!used.has(connection)) this.#retire(connection)
    this.#open = open
    this.#accepted = accepted
    logger.info({ joined: [...open.keys()] }, 'the hub serves a new graph')
    return []
  }

  async #serve(graph: Supergraph): Promise<void> {
    if (this.#supergraph) await this.#supergraph.replace(graph)
    else this.#supergraph = replaceableSupergraph(graph)
  }

  /** Closes a connection once the requests that began with its graph have ended. */
  #retire(connection: HttpConnection): void {
    const timer = setTimeout(() => {
      this.#retiring.delete(connection)
      void connection.close()
    }, this.#options.requestMs).unref()
    this.#retiring.set(connection, timer)
  }
}

/** The joined subgraphs that stay when the operator joins one of this name. */
export const othersThan = (
  name: string,
  present: ReadonlyMap<Source, readonly JoinedSubgraph[]>,
): readonly JoinedSubgraph[] =>
  [...present].flatMap(([source, subgraphs]) =>
    source === 'OPERATOR' ? subgraphs.filter((other) => other.name !== name) : subgraphs,
  )

const mistakeOf = (code: string, error: unknown): CompositionMistake => ({
  code,
  message: error instanceof Error ? error.message : String(error),
  subgraph: null,
  coordinate: null,
  line: null,
  column: null,
})

const isSame = (a: readonly JoinedSubgraph[], b: readonly JoinedSubgraph[]): boolean =>
  a.length === b.length &&
  a.every((one, n) => isSameEndpoint(one, b[n]!) && one.sdl === b[n]!.sdl && one.name === b[n]!.name)

const isSameEndpoint = (a: JoinedSubgraph, b: JoinedSubgraph): boolean =>
  a.url === b.url && JSON.stringify(a.headers) === JSON.stringify(b.headers)

/** What is composed. A process of the hub has another port at each start. */
const sdlOf = ({ name, url, sdl, ...rest }: SubgraphSdl | JoinedSubgraph): SubgraphSdl => ({
  name,
  url: 'isOnThisMachine' in rest ? '' : url,
  sdl,
})

const byName = (a: SubgraphSdl, b: SubgraphSdl): number => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0)
