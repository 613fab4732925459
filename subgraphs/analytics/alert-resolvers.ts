// GraphQL ↔ domain for alerts.

import type { AlertId } from '../../schema/values/id.ts'
import { isOperator } from '../shared/access.ts'
import { idOf, seesFigures } from '../shared/alert-access.ts'
import type { Alert } from '../shared/alert-log.ts'
import type { PageArguments } from '../shared/page.ts'
import { typeOr } from '../shared/result-union.ts'
import type { RequestContext } from '../shared/viewer.ts'
import {
  acknowledgeAlert,
  alertPage,
  findAlert,
  streamAlertEvents,
  type AcknowledgeAlertInput,
  type AlertDependencies,
  type AlertFilterInput,
} from './alert-service.ts'

type AlertArguments = PageArguments & { readonly where?: AlertFilterInput | null }

export const alertResolvers = (dependencies: AlertDependencies) => ({
  Query: {
    alerts: (_: unknown, args: AlertArguments, context: RequestContext) =>
      alertPage(dependencies, args, context),
    alert: (_: unknown, { id }: { readonly id: AlertId }, context: RequestContext) =>
      findAlert(dependencies, id, context),
  },
  Mutation: {
    acknowledgeAlert: (
      _: unknown,
      { input }: { readonly input: AcknowledgeAlertInput },
      context: RequestContext,
    ) => acknowledgeAlert(dependencies, input, context),
  },
  Subscription: {
    alertEvents: {
      subscribe: (_: unknown, { after }: { readonly after?: string | null }, context: RequestContext) =>
        streamAlertEvents(dependencies, after ?? null, context),
    },
  },
  AcknowledgeAlertResult: { __resolveType: typeOr('Alert') },
  Alert: {
    __resolveReferences: (keys: readonly { readonly id: AlertId }[], context: RequestContext) =>
      Promise.all(keys.map(({ id }) => findAlert(dependencies, id, context))),
    id: ({ _id }: Alert) => _id,
    corridor: ({ subject }: Alert) => (subject.startsWith('corridor:') ? { id: idOf(subject) } : null),
    participant: ({ subject }: Alert) => (subject.startsWith('participant:') ? { id: idOf(subject) } : null),
    acknowledgedAt: ({ acknowledged }: Alert) => acknowledged?.at ?? null,
    note: ({ acknowledged }: Alert) => acknowledged?.note ?? null,
    figures: (alert: Alert, _: unknown, context: RequestContext) =>
      isOperator(context) || seesFigures(alert, context.viewer.participant, dependencies.registry)
        ? alert
        : null,
  },
})
