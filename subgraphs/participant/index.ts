// The participant subgraph: institutions, projects and corridors.

import type { Reach } from '../shared/reachable-address.ts'
import type { LiveReference } from '../shared/registry.ts'
import { startSubgraph, type Subgraph, type SubgraphDependencies } from '../shared/subgraph.ts'
import { participantResolvers } from './resolvers.ts'
import { participantStore } from './participant-store.ts'

export { importReference } from './participant-store.ts'

export interface ParticipantSettings {
  /** In production nobody who is LIVE is answered for by the simulator. */
  readonly isProduction?: boolean
  /** Which addresses participants may be called at; by default those of the public internet. */
  readonly reach?: Reach
}

export async function participantSubgraph(
  dependencies: SubgraphDependencies & ParticipantSettings & { readonly reference: LiveReference },
): Promise<Subgraph> {
  const { db, reference, now, isProduction = false, reach = 'PUBLIC' } = dependencies
  const store = await participantStore(db, now)
  const rules = { isProduction, reach }
  return startSubgraph('participant', participantResolvers({ reference, store, rules, now }))
}
