// What a participant does with its own webhooks. A webhook of another participant is not found.

import type { ClientSession } from 'mongodb'
import type { TransactionId, WebhookId } from '../../../schema/values/id.ts'
import { isRefusal, orThrow, refuse, type Refusal } from '../../../schema/values/problems.ts'
import { Semaphore } from '../../platform/async/semaphore.ts'
import { demandScope, requireScope } from '../../shared/access.ts'
import type { AuditedAction, AuditLog } from '../../shared/audit-log.ts'
import type { Call, IdempotentWriter } from '../../shared/idempotent-writer.ts'
import type { Counted } from '../../shared/count.ts'
import { pagesOf, type Connection, type PageArguments } from '../../shared/page.ts'
import type { Reach } from '../../shared/reachable-address.ts'
import { newSigningSecret, validSecrets } from '../../shared/signing-secret.ts'
import type { RequestContext } from '../../shared/viewer.ts'
import type { Cursors } from '../log/cursor.ts'
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
  readonly audit: AuditLog
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
      const change = { before: null, after: endpoint }
      await record(dependencies, context, 'createWebhook', `webhook:${endpoint._id}`, change, session)
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
  const { endpoints, deliveries, reach } = dependencies
  const changes = requireScope(context, 'webhooks:manage') ?? readChanges(input, reach)
  if (isRefusal(changes)) return changes
  if (!(await findOwn(dependencies, context, input.webhook))) return unknownWebhook
  const changed = await inTransaction(dependencies, async (session) => {
    const before = await endpoints.read(input.webhook, session)
    const after = before && (await endpoints.change(before._id, changes, session))
    if (after) {
      const change = { before, after }
      await record(dependencies, context, 'updateWebhook', `webhook:${after._id}`, change, session)
    }
    return after
  })
  if (!changed) return unknownWebhook
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
    await record(dependencies, context, 'rotateWebhookSecret', `webhook:${endpoint._id}`, change, session)
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
  const before = await findOwn(dependencies, context, webhook)
  if (!before) return unknownWebhook
  await inTransaction(dependencies, async (session) => {
    await dependencies.endpoints.remove(webhook, session)
    const change = { before, after: null }
    await record(dependencies, context, 'deleteWebhook', `webhook:${webhook}`, change, session)
  })
  await dependencies.deliveries.remove(webhook)
  return { id: webhook }
}

async function redeliver(
  dependencies: Dependencies,
  context: RequestContext,
  id: string,
): Promise<Delivery | Refusal> {
  const { deliveries, now, onDue } = dependencies
  const refusal = requireScope(context, 'webhooks:manage')
  if (refusal) return refusal
  const found = await findOwnDelivery(dependencies, context, id)
  if (!found) return unknownDelivery
  if (found.endpoint.status === 'DISABLED') {
    return refuse('STATUS_NOT_ALLOWED', 'the webhook is DISABLED: make it ACTIVE first', deliveryPath)
  }
  const due = await deliveries.redeliver(id, now())
  await inTransaction(dependencies, (session) =>
    record(dependencies, context, 'redeliverWebhook', `delivery:${id}`, { before: null, after: {} }, session),
  )
  onDue()
  return due ?? unknownDelivery
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
  const before = page.after === null ? null : orThrow(dependencies.cursors.decode(page.after[0]))
  const rows = await dependencies.deliveries.page(webhook, { before, max: page.size + 1 })
  const count = dependencies.deliveries.counter(webhook)
  return { ...pages.connection(page, rows, ({ position }) => [dependencies.cursors.encode(position)]), count }
}

/** The key is the position in the log as a cursor, which hides it. */
const pages = pagesOf('webhookDeliveries', ['string'], 100)

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

async function findOwnDelivery(dependencies: Dependencies, context: RequestContext, id: string) {
  const delivery = await dependencies.deliveries.byId(id)
  const endpoint = delivery && (await findOwn(dependencies, context, delivery.endpoint))
  return endpoint ? { delivery, endpoint } : null
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

/** Writes the audit entry of a change, without the text of a secret. */
const record = (
  { audit, now }: Dependencies,
  { viewer, requestId }: RequestContext,
  action: AuditedAction,
  target: `webhook:${string}` | `delivery:${string}`,
  change: { readonly before: object | null; readonly after: object | null },
  session: ClientSession,
): Promise<void> =>
  audit.record(
    { at: now(), actor: viewer.participant, key: viewer.key, action, target, ...change, requestId },
    session,
  )

const inTransaction = <Result>(
  { audit }: Dependencies,
  work: (session: ClientSession) => Promise<Result>,
): Promise<Result> =>
  audit.entries.db.client.withSession((session) => session.withTransaction(() => work(session)))

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
