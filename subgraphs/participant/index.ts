// The participant subgraph: institutions, projects and corridors.

import type { LiveReference } from '../reference.ts'
import { startSubgraph, type Subgraph, type SubgraphDependencies } from '../subgraph.ts'
import { participantResolvers } from './resolvers.ts'
import { participantStore } from './store.ts'

export { importReference } from './store.ts'

export interface ParticipantSettings {
  /** In production nobody who is LIVE is answered for by the simulator. */
  readonly isProduction?: boolean
  /** Lets endpoints be on private networks, and on plain HTTP. */
  readonly allowsPrivateAddresses?: boolean
}

export async function participantSubgraph(
  dependencies: SubgraphDependencies & ParticipantSettings & { readonly reference: LiveReference },
): Promise<Subgraph> {
  const { db, reference, now, isProduction = false, allowsPrivateAddresses = false } = dependencies
  const store = await participantStore(db, now)
  const rules = { isProduction, allowsPrivateAddresses }
  return startSubgraph('participant', participantResolvers({ reference, store, rules, now }))
}
