// The participant subgraph: institutions, projects and corridors.

import type { Db } from 'mongodb'
import { isRefusal, type Refusal } from '../../schema/values/problems.ts'
import type { ApiKeys } from '../shared/api-keys.ts'
import { openAuditLog } from '../shared/audit-log.ts'
import { createIdempotentWriter } from '../shared/idempotent-writer.ts'
import type { JoiningPort } from '../shared/joined-subgraphs.ts'
import type { Reach } from '../shared/reachable-address.ts'
import { hubParticipant, type MirroredRegistry, type Participant } from '../shared/registry.ts'
import type { SecretBox } from '../shared/secret-box.ts'
import { openSubgraph, type Subgraph, type SubgraphDependencies } from '../shared/subgraph.ts'
import { createKeyService } from './key-service.ts'
import { createOperatorService } from './operator-service.ts'
import { createParticipantStore } from './participant-store.ts'
import { firstOperator, readApplication, type ApplicationInput } from './participant.ts'
import { createParticipantResolvers } from './resolvers.ts'
import { createSubgraphService } from './subgraph-service.ts'
import { createSubgraphStore } from './subgraph-store.ts'

export { importRegistry, resealParticipants } from './participant-store.ts'

/** Adds the operator to an empty hub. Refuses a name or country as an application, and ALREADY_EXISTS. */
export async function addFirstOperator(
  db: Db,
  input: Pick<ApplicationInput, 'name' | 'country' | 'settlementCurrency'>,
  now: () => Date,
): Promise<Participant | Refusal> {
  const read = readApplication({ ...input, id: hubParticipant, roles: ['OPERATOR'] }, new Map())
  if (isRefusal(read)) return read
  const store = await createParticipantStore(db, now)
  const request = {
    by: { actor: hubParticipant, key: 'hub:init', requestId: 'hub:init' },
    action: 'applyParticipant',
    command: read,
  } as const
  return store.add((at) => firstOperator(read, at), request)
}

export interface ParticipantSettings {
  /** In production, no LIVE participant may be connected to the simulator. */
  readonly isProduction?: boolean
  /** Addresses at which the hub may call participants; by default those of the public internet. */
  readonly reach?: Reach
  /** Encrypts the secrets of endpoints; by default they are stored as they are. */
  readonly secretBox?: SecretBox
  /** Left out, subgraphs of others cannot be joined: NOT_AVAILABLE. */
  readonly joining?: JoiningPort
  /** The keys of all participants. */
  readonly apiKeys: ApiKeys
}

export async function openParticipantSubgraph(
  dependencies: SubgraphDependencies & ParticipantSettings & { readonly registry: MirroredRegistry },
): Promise<Subgraph> {
  const { db, registry, now, apiKeys, isProduction = false, reach = 'PUBLIC', joining = null } = dependencies
  const store = await createParticipantStore(db, now, dependencies.secretBox)
  const service = createOperatorService({ registry, store, rules: { isProduction, reach } })
  const subgraphs = createSubgraphService({ store: await createSubgraphStore(db, now), joining, reach })
  const keyService = createKeyService({
    apiKeys,
    registry,
    audit: await openAuditLog(db),
    idempotentWriter: await createIdempotentWriter(db),
    now,
  })
  const resolvers = createParticipantResolvers({ registry, service, subgraphs, keyService, now })
  return openSubgraph('participant', resolvers, { refusals: dependencies.refusals })
}
