// Joins the resolvers of the rooms. The rules are in the rooms.

import type { Resolvers } from '../shared/federated-schema.ts'
import { values } from '../shared/values.ts'
import { connectionTestResolvers, type ConnectionTestDependencies } from './counterparty/connection-test.ts'
import { rateResolvers, type RateResolverDependencies } from './price/resolvers.ts'
import { auditResolvers, type AuditResolverDependencies } from './query/audit-resolvers.ts'
import { queryResolvers, type QueryResolverDependencies } from './query/resolvers.ts'
import { routeResolvers, type RouteResolverDependencies } from './query/route-explanation.ts'
import { paymentResolvers, type PaymentResolverDependencies } from './service/resolvers.ts'
import { settlementResolvers, type SettlementResolverDependencies } from './settlement/resolvers.ts'
import { webhookResolvers } from './webhooks/resolvers.ts'
import type { WebhookService } from './webhooks/webhook-service.ts'

export interface ResolverDependencies
  extends
    RateResolverDependencies,
    PaymentResolverDependencies,
    QueryResolverDependencies,
    RouteResolverDependencies,
    AuditResolverDependencies,
    SettlementResolverDependencies,
    ConnectionTestDependencies {
  readonly webhookService: WebhookService
}

export function createResolvers(dependencies: ResolverDependencies): Resolvers {
  const { types, ...operations } = webhookResolvers(dependencies.webhookService)
  return joinResolvers([
    values,
    rateResolvers(dependencies),
    paymentResolvers(dependencies),
    queryResolvers(dependencies),
    routeResolvers(dependencies),
    auditResolvers(dependencies),
    settlementResolvers(dependencies),
    connectionTestResolvers(dependencies),
    operations,
    types,
  ])
}

/** Joins resolvers by type. Throws when two rooms resolve the same field. */
function joinResolvers(rooms: readonly Resolvers[]): Resolvers {
  const joined: Record<string, Resolvers[string]> = {}
  for (const [type, fields] of rooms.flatMap((room) => Object.entries(room))) {
    const present = joined[type]
    const twice = present && Object.keys(fields).find((field) => Object.hasOwn(present, field))
    if (twice) throw new TypeError(`two rooms resolve ${type}.${twice}`)
    joined[type] = present ? Object.assign({}, present, fields) : fields
  }
  return joined
}
