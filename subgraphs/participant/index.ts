// The participant subgraph: institutions, projects and corridors.

import type { LiveReference } from '../reference.ts'
import { startSubgraph, type Subgraph, type SubgraphDependencies } from '../subgraph.ts'
import { participantResolvers } from './resolvers.ts'
import { participantStore } from './store.ts'

export { importReference } from './store.ts'

export async function participantSubgraph(
  dependencies: SubgraphDependencies & { readonly reference: LiveReference },
): Promise<Subgraph> {
  const { db, reference, now } = dependencies
  return startSubgraph('participant', participantResolvers(reference, await participantStore(db), now))
}
