// `node(id:)`: finds what has an id by the id alone. The form of an id gives its type, except for
// participants and projects, which never share one.

import type {
  CorridorId,
  MerchantId,
  ParticipantId,
  ProjectId,
  TransactionId,
} from '../../../schema/values/id.ts'
import type { MerchantDirectory } from '../../shared/merchant-directory.ts'
import type { Registry } from '../../shared/registry.ts'
import type { RequestContext } from '../../shared/viewer.ts'
import type { Transaction, TransactionQueries } from './transaction-queries.ts'

export interface NodeDependencies {
  readonly transactionQueries: TransactionQueries
  readonly directory: MerchantDirectory
  readonly registry: Registry
}

/** An entity of another subgraph. */
export interface NodeReference {
  readonly __typename: 'Merchant' | 'Participant' | 'Project' | 'Corridor'
  readonly id: string
}

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

/** Null for an id that does not exist, and equally for one that the caller may not read. */
export async function findNode(
  { transactionQueries, directory, registry }: NodeDependencies,
  context: RequestContext,
  id: string,
): Promise<Transaction | NodeReference | null> {
  if (uuid.test(id) && context.viewer.scopes.has('payments:read')) {
    const transaction = await transactionQueries.transaction(context, id as TransactionId)
    if (transaction) return transaction
  }
  if (id.includes('.')) return (await directory.merchant(id as MerchantId)) && { __typename: 'Merchant', id }
  if (registry.corridors.has(id as CorridorId)) return { __typename: 'Corridor', id }
  if (registry.participants.has(id as ParticipantId)) return { __typename: 'Participant', id }
  return registry.projects.has(id as ProjectId) ? { __typename: 'Project', id } : null
}
