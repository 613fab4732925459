// What a participant does with its own webhooks. A webhook of another participant is not found.

import type { ClientSession } from 'mongodb'
import type { TransactionId, WebhookId } from '../../../schema/values/id.ts'
import { isRefusal, orThrow, refuse, type Refusal } from '../../../schema/values/problems.ts'
import { Semaphore } from '../../platform/async/semaphore.ts'
import { demandScope, requireScope } from '../../shared/access.ts'
import { authorOf, type AuditedAction, type AuditLog } from '../../shared/audit-log.ts'
import type { Call, IdempotentWriter } from '../../shared/idempotent-writer.ts'
import type { Counted } from '../../shared/count.ts'
import { pagesOf, type Connection, type PageArguments } from '../../shared/page.ts'
import type { Reach } from '../../shared/reachable-address.ts'
import { newSigningSecret, validSecrets } from '../../shared/signing-secret.ts'
import type { RequestContext } from '../../shared/viewer.ts'
import type { Cursors } from '../../shared/cursor.ts'
import { newId } from '../payment/new-id.ts'
import { attemptOf, type Attempt, type Delivery } from './delivery.ts'
import type { DeliveryStore } from './delivery-store.ts'
import {
  endpointsMax,
  readChanges,
  readNewEndpoint,
  readOverlapMs,
  rotate,
  type CreateWebhookInput,
  type RotateWebhookSecretInput,
  type UpdateWebhookInput,
  type WebhookEndpoint,
} from './endpoint.ts'
import type { EndpointStore } from './endpoint-store.ts'
import type { HttpSender } from './http-sender.ts'

/** The secret that a call has issued, and its webhook. */
export interface IssuedSecret {
  /** Null in a replay after the secret has expired. */
  readonly secret: string | null
  /** The expiry of the last previous secret; null when no previous secret signs. */
  readonly previousUntil: Date | null
  readonly webhook: WebhookEndpoint
}

type DeliveryArguments = PageArguments & { readonly webhook: WebhookId }

export interface WebhookService {
  create(context: RequestContext, input: CreateWebhookInput): Promise<IssuedSecret | Refusal>
  update(context: RequestContext, input: UpdateWebhookInput): Promise<WebhookEndpoint | Refusal>
  rotate(context: RequestContext, input: RotateWebhookSecretInput): Promise<IssuedSecret | Refusal>
  remove(
    context: RequestContext,
    input: { readonly webhook: WebhookId },
  ): Promise<{ readonly id: WebhookId } | Refusal>
  redeliver(context: RequestContext, input: { readonly delivery: string }): Promise<Delivery | Refusal>
  /** Reads answer plain queries, so they throw refusals as ProblemErrors. */
  list(context: RequestContext): Promise<readonly WebhookEndpoint[]>
  webhook(context: RequestContext, id: WebhookId): Promise<WebhookEndpoint | null>
  delivery(context: RequestContext, id: string): Promise<Delivery | null>
  deliveries(context: RequestContext, args: DeliveryArguments): Promise<Connection<Delivery> & Counted>
  /** Deliveries of the events of `transactions` to the caller's webhooks, oldest first, at most 200. */
  deliveriesOf(context: RequestContext, transactions: readonly TransactionId[]): Promise<readonly Delivery[]>
  /** The body of a delivery; null when its owner may not see the payment. */
  body(delivery: Delivery): Promise<string | null>
  /** Sends a test event now. */
  test(context: RequestContext, input: { readonly webhook: WebhookId }): Promise<WebhookTest | Refusal>
}

/** A test event that was sent. */
export interface WebhookTest {
  readonly id: string
  readonly body: string
  readonly attempt: Attempt
}

export interface WebhookServiceDependencies {
  readonly idempotentWriter: IdempotentWriter
  readonly audit: Pick<AuditLog, 'record'>
  readonly endpoints: EndpointStore
  readonly deliveries: DeliveryStore
  readonly cursors: Cursors
  readonly reach: Reach
  readonly now: () => Date
  /** Position of the log's latest entry. */
  readonly readTip: () => Promise<bigint>
  /** Called when a delivery is due at once. */
  readonly onDue: () => void
  readonly httpSender: Pick<HttpSender, 'send'>
  readonly readBody: (delivery: Delivery, endpoint: WebhookEndpoint) => Promise<string | null>
}

export const createWebhookService = (dependencies: WebhookServiceDependencies): WebhookService => ({
  create: (context, input) => createWebhook(dependencies, context, input),
  update: (context, input) => updateWebhook(dependencies, context, input),
  rotate: (context, input) => rotateSecret(dependencies, context, input),
  remove: (context, { webhook }) => removeWebhook(dependencies, context, webhook),
  redeliver: (context, { delivery }) => redeliver(dependencies, context, delivery),
  list: (context) => listWebhooks(dependencies, context),
  webhook: (context, id) => readWebhook(dependencies, context, id),
  delivery: (context, id) => readDelivery(dependencies, context, id),
  deliveries: (context, args) => readDeliveries(dependencies, context, args),
  deliveriesOf: (context, transactions) => readDeliveriesOf(dependencies, context, transactions),
  body: (delivery) => readBody(dependencies, delivery),
  test: (context, { webhook }) => testWebhook(dependencies, context, webhook),
})

type Dependencies = WebhookServiceDependencies

async function createWebhook(
  dependencies: Dependencies,
  context: RequestContext,
  input: CreateWebhookInput,
): Promise<IssuedSecret | Refusal> {
  const { endpoints, reach, now, readTip } = dependencies
  const fields = requireScope(context, 'webhooks:manage') ?? readNewEndpoint(input, reach)
  if (isRefusal(fields)) return fields
  const at = now()
  const call = callOf('createWebhook', context, input, fields, at)
  const endpoint: WebhookEndpoint = {
    _id: newId(at),
    owner: context.viewer.participant,
    ...fields,
    status: 'ACTIVE',
    createdAt: at,
    since: await readTip(),
    secrets: [{ secret: newSigningSecret(), notAfter: null, by: nameOf(call) }],
  }
  return issueSecret(dependencies, call, async (session) => {
    if (await endpoints.add(endpoint, session)) {
      await recordChange(dependencies, context, 'createWebhook', { before: null, after: endpoint }, session)
      return { id: endpoint._id }
    }
    return refuse('TOO_MANY', `a participant has at most ${endpointsMax} webhooks: delete one first`)
  })
}

async function updateWebhook(
  dependencies: Dependencies,
  context: RequestContext,
  input: UpdateWebhookInput,
): Promise<WebhookEndpoint | Refusal> {
  const { idempotentWriter, endpoints, deliveries, reach, now } = dependencies
  const changes = requireScope(context, 'webhooks:manage') ?? readChanges(input, reach)
  if (isRefusal(changes)) return changes
  const call = {
    participant: context.viewer.participant,
    operation: 'updateWebhook',
    command: changes,
  } as const
  const outcome = await idempotentWriter.once({ ...call, at: now() }, async (session) => {
    const before = await endpoints.read(input.webhook, session)
    if (before?.owner !== context.viewer.participant) return unknownWebhook
    const after = (await endpoints.change(before._id, changes, session))!
    await recordChange(dependencies, context, 'updateWebhook', { before, after }, session)
    return after
  })
  if (isRefusal(outcome)) return outcome
  const changed = outcome.done
  if (changed.status === 'DISABLED') await deliveries.abandon(changed._id)
  return changed
}

async function rotateSecret(
  dependencies: Dependencies,
  context: RequestContext,
  input: RotateWebhookSecretInput,
): Promise<IssuedSecret | Refusal> {
  const { endpoints, now } = dependencies
  const overlapMs = requireScope(context, 'webhooks:manage') ?? readOverlapMs(input)
  if (isRefusal(overlapMs)) return overlapMs
  const at = now()
  const call = callOf('rotateWebhookSecret', context, input, { webhook: input.webhook, overlapMs }, at)
  const issued = { secret: newSigningSecret(), by: nameOf(call) }
  return issueSecret(dependencies, call, async (session) => {
    const endpoint = await endpoints.read(input.webhook, session)
    if (endpoint?.owner !== context.viewer.participant) return unknownWebhook
    const secrets = rotate(endpoint.secrets, issued, overlapMs, at)
    if (isRefusal(secrets)) return secrets
    await endpoints.setSecrets(endpoint._id, secrets, session)
    const change = { before: endpoint, after: { ...endpoint, secrets } }
    await recordChange(dependencies, context, 'rotateWebhookSecret', change, session)
    return { id: endpoint._id }
  })
}

async function removeWebhook(
  dependencies: Dependencies,
  context: RequestContext,
  webhook: WebhookId,
): Promise<{ readonly id: WebhookId } | Refusal> {
  const refusal = requireScope(context, 'webhooks:manage')
  if (refusal) return refusal
  const { idempotentWriter, endpoints, deliveries, now } = dependencies
  const call = { participant: context.viewer.participant, operation: 'deleteWebhook', command: {} } as const
  const outcome = await idempotentWriter.once({ ...call, at: now() }, async (session) => {
    const before = await endpoints.read(webhook, session)
    if (before?.owner !== context.viewer.participant) return unknownWebhook
    await endpoints.remove(webhook, session)
    await recordChange(dependencies, context, 'deleteWebhook', { before, after: null }, session)
    return { id: webhook }
  })
  if (isRefusal(outcome)) return outcome
  await deliveries.remove(webhook)
  return outcome.done
}

async function redeliver(
  dependencies: Dependencies,
  context: RequestContext,
  id: string,
): Promise<Delivery | Refusal> {
  const { idempotentWriter, audit, deliveries, now, onDue } = dependencies
  const refusal = requireScope(context, 'webhooks:manage')
  if (refusal) return refusal
  const found = await findOwnDelivery(dependencies, context, id)
  if (!found) return unknownDelivery
  if (found.endpoint.status === 'DISABLED') {
    return refuse('STATUS_NOT_ALLOWED', 'the webhook is DISABLED: make it ACTIVE first', deliveryPath)
  }
  const { participant } = context.viewer
  const at = now()
  const call = { participant, operation: 'redeliverWebhook', command: {}, at } as const
  const outcome = await idempotentWriter.once(call, async (session) => {
    const due = await deliveries.redeliver(id, at, session)
    if (!due) return unknownDelivery
    const { state: before } = found.delivery
    const change = { before: { state: before }, after: { state: due.state } }
    const entry = { ...authorOf(context), at, action: 'redeliverWebhook', ...change } as const
    await audit.record({ ...entry, target: `delivery:${id}` }, session)
    return due
  })
  onDue()
  return isRefusal(outcome) ? outcome : outcome.done
}

async function listWebhooks(
  { endpoints }: Dependencies,
  context: RequestContext,
): Promise<readonly WebhookEndpoint[]> {
  demandScope(context, 'webhooks:read')
  return endpoints.ofOwner(context.viewer.participant)
}

async function readWebhook(
  dependencies: Dependencies,
  context: RequestContext,
  id: WebhookId,
): Promise<WebhookEndpoint | null> {
  demandScope(context, 'webhooks:read')
  return findOwn(dependencies, context, id)
}

async function readDelivery(
  dependencies: Dependencies,
  context: RequestContext,
  id: string,
): Promise<Delivery | null> {
  demandScope(context, 'webhooks:read')
  return (await findOwnDelivery(dependencies, context, id))?.delivery ?? null
}

async function readDeliveries(
  dependencies: Dependencies,
  context: RequestContext,
  { webhook, ...args }: DeliveryArguments,
): Promise<Connection<Delivery> & Counted> {
  demandScope(context, 'webhooks:read')
  const page = orThrow(pages.read(args))
  if (!(await findOwn(dependencies, context, webhook))) {
    orThrow(refuse('NOT_FOUND', 'the caller has no such webhook', ['webhook']))
  }
  const { cursors, deliveries } = dependencies
  const after = page.after && { position: orThrow(cursors.decode(page.after[0])), _id: page.after[1] }
  const rows = await deliveries.page(webhook, { after, max: page.size + 1 })
  const connection = pages.connection(page, rows, ({ position, _id }) => [cursors.encode(position), _id])
  return { ...connection, count: deliveries.counter(webhook) }
}

/** The key is the position in the log as a cursor, which hides it, and the id of the delivery. */
const pages = pagesOf('webhookDeliveries', ['string', 'string'], 100)

async function readDeliveriesOf(
  { endpoints, deliveries }: Dependencies,
  context: RequestContext,
  transactions: readonly TransactionId[],
): Promise<readonly Delivery[]> {
  demandScope(context, 'webhooks:read')
  const own = await endpoints.ofOwner(context.viewer.participant)
  if (own.length === 0) return []
  return deliveries.ofTransactions(
    transactions,
    own.map(({ _id }) => _id),
    deliveriesOfPaymentMax,
  )
}

const deliveriesOfPaymentMax = 200

/** A delivery is read by its owner alone, so its endpoint is the caller's. */
async function readBody(
  { endpoints, readBody: read }: Dependencies,
  delivery: Delivery,
): Promise<string | null> {
  const endpoint = await endpoints.byId(delivery.endpoint)
  return endpoint && read(delivery, endpoint)
}

async function testWebhook(
  dependencies: Dependencies,
  context: RequestContext,
  webhook: WebhookId,
): Promise<WebhookTest | Refusal> {
  const refusal = requireScope(context, 'webhooks:manage')
  if (refusal) return refusal
  const endpoint = await findOwn(dependencies, context, webhook)
  if (!endpoint) return unknownWebhook
  const at = dependencies.now()
  const id = newId(at)
  const timestamp = at.toISOString()
  const body = JSON.stringify({ type: 'webhook.test', timestamp, data: { webhook } })
  await tests.acquire(context.deadline?.signal)
  try {
    const secrets = validSecrets(endpoint.secrets, at)
    const { signal } = context.deadline ?? {}
    const message = { id, url: endpoint.url, body, secrets, at }
    const outcome = await dependencies.httpSender.send(message, signal && { signal })
    return { id, body, attempt: attemptOf(outcome, at) }
  } finally {
    tests.release()
  }
}

/** A test waits for its receiver: a process runs a few at a time. */
const tests = new Semaphore(8, 32)

async function findOwn(
  { endpoints }: Dependencies,
  { viewer }: RequestContext,
  id: WebhookId,
): Promise<WebhookEndpoint | null> {
  const endpoint = await endpoints.byId(id)
  return endpoint?.owner === viewer.participant ? endpoint : null
}

/** Makes the same calls for a delivery of another participant as for one that does not exist. */
async function findOwnDelivery(
  { deliveries, endpoints }: Dependencies,
  { viewer }: RequestContext,
  id: string,
) {
  const [delivery, own] = await Promise.all([deliveries.byId(id), endpoints.ofOwner(viewer.participant)])
  const endpoint = own.find(({ _id }) => _id === delivery?.endpoint)
  return delivery && endpoint ? { delivery, endpoint } : null
}

/**
 * Runs once per key an `effect` that stores a new secret, and gives the secret and its webhook as stored now.
 */
async function issueSecret(
  { idempotentWriter, endpoints, now }: Dependencies,
  call: Call,
  effect: (session: ClientSession) => Promise<{ readonly id: WebhookId } | Refusal>,
): Promise<IssuedSecret | Refusal> {
  const outcome = await idempotentWriter.once(call, effect)
  if (isRefusal(outcome)) return outcome
  const webhook = await endpoints.byId(outcome.done.id)
  if (!webhook) return refuse('NOT_FOUND', 'the webhook of this key was deleted', ['input', 'idempotencyKey'])
  const valid = validSecrets(webhook.secrets, now())
  const expiriesMs = valid.slice(0, -1).flatMap(({ notAfter }) => (notAfter ? [notAfter.getTime()] : []))
  return {
    secret: valid.find(({ by }) => by === nameOf(call))?.secret ?? null,
    previousUntil: expiriesMs.length > 0 ? new Date(Math.max(...expiriesMs)) : null,
    webhook,
  }
}

/** Appends the audit entry of a change, without the secrets. */
const recordChange = (
  { audit, now }: Dependencies,
  context: RequestContext,
  action: AuditedAction,
  { before, after }: { readonly before: WebhookEndpoint | null; readonly after: WebhookEndpoint | null },
  session: ClientSession,
): Promise<void> => {
  const target = `webhook:${(after ?? before)!._id}` as const
  return audit.record({ ...authorOf(context), at: now(), action, target, before, after }, session)
}

const callOf = (
  operation: 'createWebhook' | 'rotateWebhookSecret',
  { viewer: { participant } }: RequestContext,
  { idempotencyKey }: CreateWebhookInput | RotateWebhookSecretInput,
  command: object,
  at: Date,
): Call => ({ participant, operation, idempotencyKey, command, at })

/** The name under which a secret stores the call that issued it. */
const nameOf = ({ operation, idempotencyKey }: Call): string => `${operation}/${idempotencyKey}`

const deliveryPath = ['input', 'delivery']
const unknownWebhook = refuse('NOT_FOUND', 'the caller has no such webhook', ['input', 'webhook'])
const unknownDelivery = refuse('NOT_FOUND', 'no webhook of the caller has such a delivery', deliveryPath)
