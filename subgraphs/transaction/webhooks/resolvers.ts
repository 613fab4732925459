// GraphQL to the desk for webhooks, and back. No rules. The transaction subgraph takes these in among its own.

import { isRefusal } from '../../../schema/values/problems.ts'
import type { PageArguments } from '../../shared/page.ts'
import type { Delivery } from './delivery.ts'
import type { SecretMade, WebhookService } from './webhook-service.ts'
import type { RequestContext } from '../../shared/viewer.ts'
import type {
  CreateWebhookInput,
  WebhookEndpoint,
  RotateWebhookSecretInput,
  UpdateWebhookInput,
} from './endpoint.ts'
import type { WebhookId } from '../../../schema/values/id.ts'

interface Input<Of> {
  readonly input: Of
}
interface Keyed {
  readonly id: string
}
type Context = RequestContext

export const webhookResolvers = (webhookService: WebhookService) => ({
  Query: {
    webhooks: (_: unknown, _args: unknown, context: Context) => webhookService.list(context),
    webhook: (_: unknown, { id }: Keyed, context: Context) => webhookService.webhook(context, id),
    webhookDeliveries: (_: unknown, args: PageArguments & { webhook: WebhookId }, context: Context) =>
      webhookService.deliveries(context, args),
  },
  Mutation: {
    createWebhook: (_: unknown, { input }: Input<CreateWebhookInput>, context: Context) =>
      webhookService.create(context, input),
    updateWebhook: (_: unknown, { input }: Input<UpdateWebhookInput>, context: Context) =>
      webhookService.update(context, input),
    rotateWebhookSecret: (_: unknown, { input }: Input<RotateWebhookSecretInput>, context: Context) =>
      webhookService.rotate(context, input),
    deleteWebhook: (_: unknown, { input }: Input<{ webhook: WebhookId }>, context: Context) =>
      webhookService.remove(context, input),
    redeliverWebhook: (_: unknown, { input }: Input<{ delivery: string }>, context: Context) =>
      webhookService.redeliver(context, input),
  },
  types: {
    Webhook: {
      __resolveReferences: (references: readonly Keyed[], context: Context) =>
        Promise.all(references.map(({ id }) => webhookService.webhook(context, id))),
      id: ({ _id }: WebhookEndpoint) => _id,
    },
    WebhookDelivery: {
      __resolveReferences: (references: readonly Keyed[], context: Context) =>
        Promise.all(references.map(({ id }) => webhookService.delivery(context, id))),
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
  return (value: SecretMade | WebhookEndpoint | Delivery | Keyed) =>
    isRefusal(value) ? value.__typename : name
}
