// GraphQL to the desk for webhooks, and back. No rules. The transaction subgraph takes these in among its own.

import { isRefusal } from '../../../schema/values/problems.ts'
import type { PageArguments } from '../../shared/page.ts'
import type { Delivery } from './delivery.ts'
import type { SecretMade, WebhookDesk } from './webhook-service.ts'
import type { RequestContext } from '../../shared/viewer.ts'
import type {
  CreateWebhookInput,
  Endpoint,
  RotateWebhookSecretInput,
  UpdateWebhookInput,
} from './endpoint.ts'

interface Input<Of> {
  readonly input: Of
}
interface Keyed {
  readonly id: string
}
type Context = RequestContext

export const webhookResolvers = (desk: WebhookDesk) => ({
  Query: {
    webhooks: (_: unknown, _args: unknown, context: Context) => desk.list(context),
    webhook: (_: unknown, { id }: Keyed, context: Context) => desk.webhook(context, id),
    webhookDeliveries: (_: unknown, args: PageArguments & { webhook: string }, context: Context) =>
      desk.deliveries(context, args),
  },
  Mutation: {
    createWebhook: (_: unknown, { input }: Input<CreateWebhookInput>, context: Context) =>
      desk.create(context, input),
    updateWebhook: (_: unknown, { input }: Input<UpdateWebhookInput>, context: Context) =>
      desk.update(context, input),
    rotateWebhookSecret: (_: unknown, { input }: Input<RotateWebhookSecretInput>, context: Context) =>
      desk.rotate(context, input),
    deleteWebhook: (_: unknown, { input }: Input<{ webhook: string }>, context: Context) =>
      desk.remove(context, input),
    redeliverWebhook: (_: unknown, { input }: Input<{ delivery: string }>, context: Context) =>
      desk.redeliver(context, input),
  },
  types: {
    Webhook: {
      __resolveReferences: (references: readonly Keyed[], context: Context) =>
        Promise.all(references.map(({ id }) => desk.webhook(context, id))),
      id: ({ _id }: Endpoint) => _id,
    },
    WebhookDelivery: {
      __resolveReferences: (references: readonly Keyed[], context: Context) =>
        Promise.all(references.map(({ id }) => desk.delivery(context, id))),
      id: ({ _id }: Delivery) => _id,
      event: ({ kind }: Delivery) => kind,
      nextAttemptAt: ({ nextAttemptAt }: Delivery) => nextAttemptAt ?? null,
    },
    CreateWebhookResult: { __resolveType: typeOr('WebhookCreated') },
    UpdateWebhookResult: { __resolveType: typeOr('Webhook') },
    RotateWebhookSecretResult: { __resolveType: typeOr('WebhookSecretRotated') },
    DeleteWebhookResult: { __resolveType: typeOr('WebhookDeleted') },
    RedeliverWebhookResult: { __resolveType: typeOr('WebhookDelivery') },
  },
})

/** Members of a result's union: a refusal says its own type. */
function typeOr(name: string) {
  return (value: SecretMade | Endpoint | Delivery | Keyed) => (isRefusal(value) ? value.__typename : name)
}
