// Resolves the webhook types through the webhook service. No rules.

import type { WebhookId } from '../../../schema/values/id.ts'
import { countFields } from '../../shared/count.ts'
import type { PageArguments } from '../../shared/page.ts'
import { typeOr } from '../../shared/result-union.ts'
import type { RequestContext } from '../../shared/viewer.ts'
import type { Payment } from '../payment/payment.ts'
import type { Delivery } from './delivery.ts'
import type {
  CreateWebhookInput,
  RotateWebhookSecretInput,
  UpdateWebhookInput,
  WebhookEndpoint,
} from './endpoint.ts'
import type { WebhookService } from './webhook-service.ts'

interface Input<Of> {
  readonly input: Of
}
interface Keyed<Id extends string = string> {
  readonly id: Id
}
type Context = RequestContext

export const webhookResolvers = (webhookService: WebhookService) => ({
  Query: {
    webhooks: (_: unknown, _args: unknown, context: Context) => webhookService.list(context),
    webhook: (_: unknown, { id }: Keyed<WebhookId>, context: Context) => webhookService.webhook(context, id),
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
    testWebhook: (_: unknown, { input }: Input<{ webhook: WebhookId }>, context: Context) =>
      webhookService.test(context, input),
  },
  types: {
    Webhook: {
      __resolveReferences: (references: readonly Keyed<WebhookId>[], context: Context) =>
        Promise.all(references.map(({ id }) => webhookService.webhook(context, id))),
      id: ({ _id }: WebhookEndpoint) => _id,
    },
    WebhookDelivery: {
      __resolveReferences: (references: readonly Keyed[], context: Context) =>
        Promise.all(references.map(({ id }) => webhookService.delivery(context, id))),
      id: ({ _id }: Delivery) => _id,
      event: ({ kind }: Delivery) => kind,
      webhook: ({ endpoint }: Delivery, _: unknown, context: Context) =>
        webhookService.webhook(context, endpoint),
      body: (delivery: Delivery) => webhookService.body(delivery),
      nextAttemptAt: ({ nextAttemptAt }: Delivery) => nextAttemptAt ?? null,
    },
    WebhookDeliveryConnection: countFields,
    CreateWebhookResult: { __resolveType: typeOr('WebhookCreated') },
    UpdateWebhookResult: { __resolveType: typeOr('Webhook') },
    RotateWebhookSecretResult: { __resolveType: typeOr('WebhookSecretRotated') },
    DeleteWebhookResult: { __resolveType: typeOr('WebhookDeleted') },
    RedeliverWebhookResult: { __resolveType: typeOr('WebhookDelivery') },
    TestWebhookResult: { __resolveType: typeOr('WebhookTest') },
    Payment: {
      webhookDeliveries: ({ _id, refunds }: Payment, _: unknown, context: Context) =>
        webhookService.deliveriesOf(context, [_id, ...refunds.map((refund) => refund._id)]),
    },
  },
})
