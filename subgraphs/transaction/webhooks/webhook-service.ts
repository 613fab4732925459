// What a participant does with its webhooks. All of it is its own: somebody else's is not found.

import type { ClientSession } from 'mongodb'
import { v7 as newUuid } from 'uuid'
import { isRefusal, orThrow, refuse, type Refusal } from '../../../schema/values/problems.ts'
import { demandScope, requireScope } from '../../shared/access.ts'
import type { Call, IdempotentWriter } from '../../shared/idempotent-writer.ts'
import { pagesOf, type Connection, type PageArguments } from '../../shared/page.ts'
import type { Reach } from '../../shared/reachable-address.ts'
import type { Delivery } from './delivery.ts'
import type { DeliveryStore } from './delivery-store.ts'
import {
  endpointsMax,
  readChanges,
  readNewEndpoint,
  readOverlapMs,
  rotate,
  type CreateWebhookInput,
  type WebhookEndpoint,
  type RotateWebhookSecretInput,
  type UpdateWebhookInput,
} from './endpoint.ts'
import type { EndpointStore } from './endpoint-store.ts'
import type { RequestContext } from '../../shared/viewer.ts'
import { liveSecrets, newSecret } from './signature.ts'
import type { ParticipantId, WebhookId } from '../../../schema/values/id.ts'

/** A secret that was made by a key, and the webhook that it is of. */
export interface SecretMade {
  /** Null when it is repeated after the secret has ended. */
  readonly secret: string | null
  /** When the last of the secrets of before ends; null when none of them signs. */
  readonly previousUntil: Date | null
  readonly webhook: WebhookEndpoint
}

export interface WebhookService {
  create(context: RequestContext, input: CreateWebhookInput): Promise<SecretMade | Refusal>
  update(context: RequestContext, input: UpdateWebhookInput): Promise<WebhookEndpoint | Refusal>
  rotate(context: RequestContext, input: RotateWebhookSecretInput): Promise<SecretMade | Refusal>
  remove(
    context: RequestContext,
    input: { readonly webhook: WebhookId },
  ): Promise<{ readonly id: string } | Refusal>
  redeliver(context: RequestContext, input: { readonly delivery: string }): Promise<Delivery | Refusal>
  /** Reads throw ProblemErrors, for they answer plain queries. */
  list(context: RequestContext): Promise<readonly WebhookEndpoint[]>
  webhook(context: RequestContext, id: string): Promise<WebhookEndpoint | null>
  delivery(context: RequestContext, id: string): Promise<Delivery | null>
  deliveries(
    context: RequestContext,
    args: PageArguments & { readonly webhook: WebhookId },
  ): Promise<Connection<Delivery>>
}

export interface WebhookServiceDependencies {
  readonly idempotentWriter: IdempotentWriter
  readonly endpoints: EndpointStore
  readonly deliveries: DeliveryStore
  readonly reach: Reach
  readonly now: () => Date
  /** Position of the log's latest entry. */
  readonly readTip: () => Promise<bigint>
  /** Called when something is to be sent at once. */
  readonly onDue: () => void
}

export function createWebhookService(dependencies: WebhookServiceDependencies): WebhookService {
  const { idempotentWriter, endpoints, deliveries, reach, now, readTip, onDue } = dependencies
  const pages = pagesOf('webhookDeliveries', ['number'], 100)

  const own = async ({ viewer }: RequestContext, id: string): Promise<WebhookEndpoint | null> => {
    const endpoint = await endpoints.byId(id)
    return endpoint?.owner === viewer.participant ? endpoint : null
  }

  const ownDelivery = async (context: RequestContext, id: string) => {
    const delivery = await deliveries.byId(id)
    const endpoint = delivery && (await own(context, delivery.endpoint))
    return endpoint ? { delivery, endpoint } : null
  }

  /** Does once under its key what leaves a webhook with a new secret, and gives both as they now are. */
  const makeSecret = async (
    call: Call,
    effect: (session: ClientSession) => Promise<{ readonly id: string } | Refusal>,
  ): Promise<SecretMade | Refusal> => {
    const outcome = await idempotentWriter.once(call, effect)
    if (isRefusal(outcome)) return outcome
    const webhook = await endpoints.byId(outcome.done.id)
    if (!webhook) return refuse('NOT_FOUND', 'the webhook of this key was deleted', keyPath)
    return made(webhook, nameOf(call), now())
  }

  return {
    async create(context, input) {
      const wanted = requireScope(context, 'payments:read') ?? readNewEndpoint(input, reach)
      if (isRefusal(wanted)) return wanted
      const at = now()
      const call = callOf('createWebhook', context, input, at)
      const endpoint: WebhookEndpoint = {
        _id: newUuid({ msecs: at.getTime() }),
        owner: context.viewer.participant,
        ...wanted,
        status: 'ACTIVE',
        createdAt: at,
        since: await readTip(),
        secrets: [{ secret: newSecret(), notAfter: null, by: nameOf(call) }],
      }
      return makeSecret(call, async (session) => {
        if (await endpoints.add(endpoint, session)) return { id: endpoint._id }
        return refuse('TOO_MANY', `a participant has at most ${endpointsMax} webhooks`)
      })
    },

    async update(context, input) {
      const changes = requireScope(context, 'payments:read') ?? readChanges(input, reach)
      if (isRefusal(changes)) return changes
      if (!(await own(context, input.webhook))) return unknownWebhook
      const after = await endpoints.change(input.webhook, changes)
      if (!after) return unknownWebhook
      if (after.status === 'DISABLED') await deliveries.giveUp(after._id)
      return after
    },

    async rotate(context, input) {
      const overlapMs = requireScope(context, 'payments:read') ?? readOverlapMs(input)
      if (isRefusal(overlapMs)) return overlapMs
      const at = now()
      const call = callOf('rotateWebhookSecret', context, input, at)
      const fresh = { secret: newSecret(), by: nameOf(call) }
      return makeSecret(call, async (session) => {
        const before = await endpoints.read(input.webhook, session)
        if (before?.owner !== context.viewer.participant) return unknownWebhook
        const secrets = rotate(before.secrets, fresh, overlapMs, at)
        if (isRefusal(secrets)) return secrets
        await endpoints.setSecrets(before._id, secrets, session)
        return { id: before._id }
      })
    },

    async remove(context, { webhook }) {
      const refusal = requireScope(context, 'payments:read')
      if (refusal) return refusal
      if (!(await own(context, webhook))) return unknownWebhook
      await endpoints.remove(webhook)
      await deliveries.remove(webhook)
      return { id: webhook }
    },

    async redeliver(context, { delivery: id }) {
      const refusal = requireScope(context, 'payments:read')
      if (refusal) return refusal
      const found = await ownDelivery(context, id)
      if (!found) return unknownDelivery
      if (found.endpoint.status === 'DISABLED') {
        return refuse('STATUS_NOT_ALLOWED', 'the webhook is DISABLED: make it ACTIVE first', [
          'input',
          'delivery',
        ])
      }
      const due = await deliveries.redeliver(id, now())
      onDue()
      return due ?? unknownDelivery
    },

    async list(context) {
      demandScope(context, 'payments:read')
      return endpoints.ofOwner(context.viewer.participant)
    },
    async webhook(context, id) {
      demandScope(context, 'payments:read')
      return own(context, id)
    },
    async delivery(context, id) {
      demandScope(context, 'payments:read')
      return (await ownDelivery(context, id))?.delivery ?? null
    },
    async deliveries(context, { webhook, ...args }) {
      demandScope(context, 'payments:read')
      const page = orThrow(pages.read(args))
      if (!(await own(context, webhook)))
        orThrow(refuse('NOT_FOUND', 'the caller has no such webhook', ['webhook']))
      const before = page.after === null ? null : BigInt(Math.trunc(page.after[0]))
      const rows = await deliveries.page(webhook, { before, max: page.size + 1 })
      return pages.connection(page, rows, ({ position }) => [Number(position)])
    },
  }
}

const callOf = (
  operation: 'createWebhook' | 'rotateWebhookSecret',
  { viewer: { participant } }: RequestContext,
  input: CreateWebhookInput | RotateWebhookSecretInput,
  at: Date,
): Call => ({ participant, operation, idempotencyKey: input.idempotencyKey, input, at })

/** How a secret names the call that made it. */
const nameOf = ({ operation, idempotencyKey }: Call): string => `${operation}/${idempotencyKey}`

function made(webhook: WebhookEndpoint, by: ParticipantId, now: Date): SecretMade {
  const live = liveSecrets(webhook.secrets, now)
  const previous = live.slice(0, -1).flatMap(({ notAfter }) => (notAfter ? [notAfter.getTime()] : []))
  return {
    secret: live.find((one) => one.by === by)?.secret ?? null,
    previousUntil: previous.length > 0 ? new Date(Math.max(...previous)) : null,
    webhook,
  }
}

const keyPath = ['input', 'idempotencyKey']
const unknownWebhook = refuse('NOT_FOUND', 'the caller has no such webhook', ['input', 'webhook'])
const unknownDelivery = refuse('NOT_FOUND', 'no webhook of the caller has such a delivery', [
  'input',
  'delivery',
])
