// The participant subgraph: institutions, projects and corridors.

import type { ApiKeys } from '../shared/api-keys.ts'
import { openAuditLog } from '../shared/audit-log.ts'
import { createIdempotentWriter } from '../shared/idempotent-writer.ts'
import type { Reach } from '../shared/reachable-address.ts'
import type { MirroredRegistry } from '../shared/registry.ts'
import { openSubgraph, type Subgraph, type SubgraphDependencies } from '../shared/subgraph.ts'
import { createKeyService } from './key-service.ts'
import { createOperatorService } from './operator-service.ts'
import { createParticipantStore } from './participant-store.ts'
import { createParticipantResolvers } from './resolvers.ts'

export { importRegistry } from './participant-store.ts'

export interface ParticipantSettings {
  /** In production, no LIVE participant may be connected to the simulator. */
  readonly isProduction?: boolean
  /** Addresses at which the hub may call participants; by default those of the public internet. */
  readonly reach?: Reach
  /** The keys of all participants. */
  readonly apiKeys: ApiKeys
}

export async function openParticipantSubgraph(
  dependencies: SubgraphDependencies & ParticipantSettings & { readonly registry: MirroredRegistry },
): Promise<Subgraph> {
  const { db, registry, now, apiKeys, isProduction = false, reach = 'PUBLIC' } = dependencies
  const store = await createParticipantStore(db, now)
  const service = createOperatorService({ registry, store, rules: { isProduction, reach } })
  const keyService = createKeyService({
    apiKeys,
    registry,
    audit: await openAuditLog(db),
    idempotentWriter: await createIdempotentWriter(db),
    now,
  })
  return openSubgraph('participant', createParticipantResolvers({ registry, service, keyService, now }))
}
