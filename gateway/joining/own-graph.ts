// The hub’s own subgraphs, as they are composed with those of others.

import { readFile } from 'node:fs/promises'
import { subgraphSdl } from '../../subgraphs/shared/subgraph.ts'
import { composableSdl } from '../../subgraphs/shared/visibility.ts'
import type { SubgraphSdl } from '../supergraph/index.ts'

export interface OwnGraph {
  readonly own: readonly SubgraphSdl[]
  /** Their composition. */
  readonly ownSupergraphSdl: string
}

const names = ['participant', 'merchant', 'transaction', 'analytics'] as const

export async function readOwnGraph(): Promise<OwnGraph> {
  const file = new URL('../../schema/generated/supergraph.graphql', import.meta.url)
  return {
    own: names.map((name) => ({ name, sdl: composableSdl(subgraphSdl(name)) })),
    ownSupergraphSdl: await readFile(file, 'utf8'),
  }
}
