// The participant subgraph: institutions, projects and corridors.

import type { Reach } from '../shared/reachable-address.ts'
import type { MirroredRegistry } from '../shared/registry.ts'
import { openSubgraph, type Subgraph, type SubgraphDependencies } from '../shared/subgraph.ts'
import { createParticipantResolvers } from './resolvers.ts'
import { createParticipantStore } from './participant-store.ts'

export { importRegistry } from './participant-store.ts'

export interface ParticipantSettings {
  /** In production nobody who is LIVE is answered for by the simulator. */
  readonly isProduction?: boolean
  /** Which addresses participants may be called at; by default those of the public internet. */
  readonly reach?: Reach
}

export async function openParticipantSubgraph(
  dependencies: SubgraphDependencies & ParticipantSettings & { readonly registry: MirroredRegistry },
): Promise<Subgraph> {
  const { db, registry, now, isProduction = false, reach = 'PUBLIC' } = dependencies
  const store = await createParticipantStore(db, now)
  const rules = { isProduction, reach }
  return openSubgraph('participant', createParticipantResolvers({ registry, store, rules, now }))
}
