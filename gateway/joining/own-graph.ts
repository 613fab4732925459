// The hub’s own subgraphs as they are composed with those of others, and the graphs that are generated.

import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { subgraphSdl } from '../../subgraphs/shared/subgraph.ts'
import { composableSdl } from '../../subgraphs/shared/visibility.ts'
import type { SubgraphSdl } from '../supergraph/index.ts'

export interface OwnGraph {
  readonly own: readonly SubgraphSdl[]
  /** Their composition. */
  readonly ownSupergraphSdl: string
}

/** Subgraphs that are joined to the own ones, and the composition of all. */
export interface ComposedGraph {
  readonly joined: readonly SubgraphSdl[]
  readonly supergraphSdl: string
}

const names = ['participant', 'merchant', 'transaction', 'analytics'] as const

export const ownSubgraphs = (): SubgraphSdl[] =>
  names.map((name) => ({ name, sdl: composableSdl(subgraphSdl(name)) }))

export async function readOwnGraph(): Promise<OwnGraph> {
  return { own: ownSubgraphs(), ownSupergraphSdl: await readText('schema/generated/supergraph.graphql') }
}

/** The offers subgraph, which the hub starts: its URL is known when its process is ready. */
export const readOffers = async (): Promise<SubgraphSdl> => ({
  name: 'offers',
  url: '',
  sdl: await readText('subgraphs/offers/schema.graphql'),
})

/** The own graph with offers as it was generated; null when an SDL has changed since. */
export async function readGraphWithOffers({ own }: OwnGraph): Promise<ComposedGraph | null> {
  const [offers, supergraphSdl] = await Promise.all([readOffers(), readText(fileWithOffers)])
  const joined = [offers]
  return supergraphSdl.startsWith(headOf([...own, ...joined])) ? { joined, supergraphSdl } : null
}

export const fileWithOffers = 'schema/generated/supergraph-with-offers.graphql'

/** The first line of a generated composition: it changes with what is composed. */
export const headOf = (subgraphs: readonly SubgraphSdl[]): string =>
  `# Composed from SDL with the SHA-256 ${createHash('sha256').update(JSON.stringify(subgraphs)).digest('hex')}.\n`

const readText = (file: string): Promise<string> =>
  readFile(new URL(`../../${file}`, import.meta.url), 'utf8')
