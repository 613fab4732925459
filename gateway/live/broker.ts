// The broker: runs operations for clients that can receive more than one response. Subscriptions with the
// same document, variables and visibility share one upstream.

import { randomUUID } from 'node:crypto'
import { ProblemError } from '../../schema/values/problems.ts'
import { Deadline } from '../../subgraphs/platform/async/deadline.ts'
import type { LoopTime } from '../../subgraphs/platform/async/loop-time.ts'
import { Semaphore } from '../../subgraphs/platform/async/semaphore.ts'
import { canonicalJson } from '../../subgraphs/platform/canonical-json.ts'
import type { Logger } from '../../subgraphs/platform/logger.ts'
import { tracing, type TraceHeaders } from '../../subgraphs/platform/tracing.ts'
import type { RequestContext, Viewer } from '../../subgraphs/shared/viewer.ts'
import { withExtensions, type Admission } from '../protocol/admission.ts'
import { asHttpError, HttpError, httpErrorText } from '../protocol/http-error.ts'
import { unnoted, type RefusedRequests } from '../protocol/refused-requests.ts'
import type { GraphqlRequest } from '../protocol/request.ts'
import { refusalText } from '../supergraph/errors.ts'
import {
  EventOutage,
  type Prepared,
  type ReplaceableSupergraph,
  type Supergraph,
  type Variables,
} from '../supergraph/index.ts'
import { nameSpan, traceOperation } from '../telemetry/spans.ts'
import { createTelemetry, endsWithErrors, unnamed, type Telemetry } from '../telemetry/telemetry.ts'
import { Batch } from './batch.ts'
import { ownDocument, sharedDocumentOf, type SharedDocument } from './group-key.ts'
import type { Subscriber } from './subscriber.ts'
import { Subscription, type Topic } from './subscription.ts'

export interface Broker {
  /**
   * Runs the operation that `readRequest` gives, and delivers its responses to `subscriber`. Also an error
   * that `readRequest` throws is delivered. Returns null for a mutation, which is always finished, and when
   * the operation is refused. `cursor` is the position to resume a subscription after; it takes precedence
   * over the document and its variables. `headers` may have the `traceparent` of the client.
   */
  run(
    readRequest: () => GraphqlRequest,
    viewer: Viewer,
    subscriber: Subscriber,
    cursor?: string | null,
    headers?: TraceHeaders,
  ): RunningOperation | null
  close(): void
}

/** An operation that may deliver more responses. */
export interface RunningOperation {
  /** Ends it without notice to the subscriber. */
  close(): void
}

export interface BrokerOptions {
  /** Where it can be replaced, subscriptions move to the next graph at the positions that they have. */
  readonly supergraph: Supergraph & Partial<Pick<ReplaceableSupergraph, 'onReplace'>>
  readonly admission: Admission
  /** Default: refusals are not noted. */
  readonly refused?: RefusedRequests
  readonly telemetry?: Telemetry
  readonly logger: Logger
  /** How long a client that is behind may take to read, before it is disconnected. */
  readonly behindMs: number
  /** The time in which a query or mutation is answered. */
  readonly requestMs: number
  /** Whether subscriptions to the fields of `group-key.ts` share their streams. Default: true. */
  readonly sharesStreams?: boolean
  /** Milliseconds that only grow. */
  readonly clock?: () => number
}

/** What all operations of one broker share. */
interface BrokerState {
  readonly supergraph: Supergraph
  readonly admission: Admission
  readonly refused: RefusedRequests
  readonly telemetry: Telemetry
  readonly logger: Logger
  readonly requestMs: number
  readonly clock: () => number
  readonly sharesStreams: boolean
  /** By the document as the client sent it. */
  readonly shared: WeakMap<Prepared, SharedSubscription>
  /** By document, visibility and variables. */
  readonly topics: Map<string, Topic>
  readonly semaphore: Semaphore
  readonly lagging: Set<Subscription>
}

/** A subscription document with its position as a variable, prepared. */
interface SharedSubscription {
  readonly document: SharedDocument
  readonly prepared: Prepared
}

/** Upstreams of single subscriptions that catch up at once: each buffers some events. */
const catchingUpMax = 100
/** How often the clients that do not read are checked. */
const sweepMs = 500

export function openBroker(options: BrokerOptions): Broker {
  const { supergraph, admission, logger, behindMs, requestMs, clock = () => performance.now() } = options
  const { sharesStreams = true, telemetry = createTelemetry(), refused = unnoted } = options
  const state: BrokerState = {
    supergraph,
    admission,
    refused,
    telemetry,
    logger,
    requestMs,
    clock,
    sharesStreams,
    shared: new WeakMap(),
    topics: new Map(),
    semaphore: new Semaphore(catchingUpMax),
    lagging: new Set(),
  }
  const sweeping = setInterval(() => disconnectSlow(state, behindMs), sweepMs).unref()
  const stopListening = supergraph.onReplace?.(() => void renewAll(state))
  return {
    run(readRequest, viewer, subscriber, cursor = null, headers = {}) {
      const call: Call = { readRequest, viewer, subscriber, cursor }
      if (!tracing) return run(state, call, noop)
      return traceOperation(tracing, headers, (ended) => run(state, call, ended))
    },
    close() {
      clearInterval(sweeping)
      stopListening?.()
    },
  }
}

/** Moves all subscriptions to the current graph, a topic in each turn of the event loop. */
async function renewAll({ topics }: BrokerState): Promise<void> {
  // A topic that is made meanwhile has the current graph already.
  const earlier = [...topics.values()]
  for (const topic of earlier) {
    topic.renew()
    await new Promise<void>((resolve) => setImmediate(resolve))
  }
}

interface Call {
  readonly readRequest: () => GraphqlRequest
  readonly viewer: Viewer
  readonly subscriber: Subscriber
  readonly cursor: string | null
}

const noop = (): void => {}

/** Calls `ended` when the operation has ended; for a subscription, when it has begun. */
function run(state: BrokerState, call: Call, ended: () => void): RunningOperation | null {
  const { viewer, subscriber } = call
  const context = { viewer, requestId: randomUUID() }
  const fail = (error: unknown): void => subscriber.refuse(errorResponse(state, error, context.requestId))
  try {
    const loopTime = state.admission.begin(viewer, viewer.address ?? '')
    const admitted = loopTime.run(() => admit(state, call, context.requestId, loopTime))
    if (!admitted) {
      ended()
      return null
    }
    const { request, prepared, variables, extensions } = admitted
    if (prepared.operation === 'subscription') {
      const subscription = loopTime.run(() => subscribe(state, call, request, { prepared, variables }))
      ended()
      return subscription
    }
    const deadline = new Deadline(state.requestMs)
    loopTime
      .run(() => execute(state, prepared, variables, { ...context, deadline, loopTime }))
      .then((response) => respond(subscriber, withExtensions(response, extensions)))
      .catch(fail)
      .finally(() => {
        deadline.end()
        ended()
      })
    return prepared.operation === 'query' ? { close: () => deadline.leave() } : null
  } catch (error) {
    if (error instanceof HttpError) state.refused.note(viewer, context.requestId, [error])
    fail(error)
    ended()
    return null
  }
}

interface Admitted {
  readonly request: GraphqlRequest
  readonly prepared: Prepared
  readonly variables: Variables
  readonly extensions: string | null
}

/** Reads an operation and checks whether it may run; null when it was refused. */
function admit(
  { admission, refused }: BrokerState,
  { readRequest, viewer, subscriber }: Call,
  requestId: string,
  loopTime: LoopTime,
): Admitted | null {
  const request = readRequest()
  const prepared = admission.prepare(request)
  if (tracing) nameSpan(tracing, prepared)
  if (prepared.kind === 'rejected') {
    refused.note(viewer, requestId, prepared.errors)
    return refuseWith(subscriber, prepared.errors)
  }
  const coerced = prepared.coerce(request.variables)
  if ('errors' in coerced) return refuseWith(subscriber, coerced.errors)
  const { variables } = coerced
  const caller = { viewer, address: viewer.address ?? '' }
  const { extensions } = admission.charge(prepared, variables, caller, request)
  loopTime.admit()
  return { request, prepared, variables, extensions }
}

function subscribe(
  state: BrokerState,
  { viewer, subscriber, cursor }: Call,
  request: GraphqlRequest,
  { prepared, variables }: Pick<Admitted, 'prepared' | 'variables'>,
): Subscription {
  const shared = sharedSubscriptionOf(state, prepared, state.admission.textOf(request), request)
  const subscription = new Subscription(topicOf(state, shared, request, viewer), viewer, subscriber)
  subscription.start(cursor ?? shared.document.cursorIn(variables))
  return subscription
}

async function execute(
  { telemetry: { operations } }: BrokerState,
  prepared: Prepared,
  variables: Variables,
  context: RequestContext,
): Promise<Buffer> {
  const startedAt = performance.now()
  const response = await prepared.execute(variables, context)
  operations.count(prepared.name ?? unnamed, performance.now() - startedAt, endsWithErrors(response))
  return response
}

function respond(subscriber: Subscriber, response: Buffer): void {
  subscriber.next(new Batch([{ value: response, position: null }], null))
  subscriber.complete()
}

function refuseWith(subscriber: Subscriber, errors: Parameters<typeof refusalText>[0]): null {
  subscriber.refuse(refusalText(errors))
  return null
}

function sharedSubscriptionOf(
  { supergraph, shared, sharesStreams }: BrokerState,
  prepared: Prepared,
  text: string,
  { operationName }: GraphqlRequest,
): SharedSubscription {
  const existing = shared.get(prepared)
  if (existing) return existing
  if (!sharesStreams) {
    const own = { document: ownDocument(text), prepared }
    shared.set(prepared, own)
    return own
  }
  const document = sharedDocumentOf(text, operationName)
  const rewritten = supergraph.prepare(document.text, operationName)
  if (rewritten.kind === 'rejected')
    throw new TypeError(`a valid document became an invalid one: ${document.text}`)
  const subscription: SharedSubscription = { document, prepared: rewritten }
  shared.set(prepared, subscription)
  return subscription
}

function topicOf(
  state: BrokerState,
  { document, prepared }: SharedSubscription,
  { operationName, variables }: GraphqlRequest,
  viewer: Viewer,
): Topic {
  const { topics, semaphore, lagging, clock } = state
  const key = canonicalJson([
    document.text,
    operationName ?? null,
    declaredVariables(prepared, document.variablesAt(variables, null)),
    visibilityOf(state.supergraph, viewer),
  ])
  const existing = topics.get(key)
  if (existing) return existing
  // By the current graph: it may have been replaced since the topic was made.
  const prepareNow = () => state.supergraph.prepare(document.text, operationName)
  const topic: Topic = {
    sharing: document.sharing,
    canResume: document.canResume,
    subscriptions: new Set(),
    group: null,
    semaphore,
    lagging,
    clock,
    onEmpty: () => topics.delete(key),
    errorResponse: (error) => errorResponse(state, error, randomUUID()),
    async open(subscribed, cursor) {
      const current = prepareNow()
      if (current.kind === 'rejected') return refusalText(current.errors)
      const coerced = current.coerce(document.variablesAt(variables, cursor))
      if ('errors' in coerced) return refusalText(coerced.errors)
      const context: RequestContext = { viewer: subscribed, requestId: randomUUID() }
      const opening = () => current.subscribe(coerced.variables, context)
      const opened = await (tracing ? tracing.span('subscribe', { isLate: true }, opening) : opening())
      return 'errorResponse' in opened ? opened.errorResponse : opened
    },
    renew() {
      const current = prepareNow()
      const refusal = current.kind === 'rejected' ? refusalText(current.errors) : null
      for (const subscription of topic.subscriptions) {
        if (refusal === null) subscription.renew()
        else subscription.refuse(refusal)
      }
      topic.group?.renew()
    },
  }
  topics.set(key, topic)
  return topic
}

/** The coerced variables that the document declares; any other one is left out. */
function declaredVariables(prepared: Prepared, variables: Variables): Variables {
  const coerced = prepared.coerce(variables)
  return 'errors' in coerced ? variables : coerced.variables
}

/**
 * Everything of a viewer that decides what it may see: viewers with equal values share an upstream.
 * Structured, because joined texts of two viewers may be equal.
 */
const visibilityOf = (supergraph: Supergraph, viewer: Viewer): object => ({
  participant: viewer.participant,
  scopes: viewer.scopes,
  headers: viewer.headers ?? null,
  access: supergraph.accessOf({ viewer, requestId: '' } satisfies RequestContext),
})

/** The response for an error that was thrown: an HttpError or an outage is not masked. */
function errorResponse({ logger }: BrokerState, error: unknown, requestId: string): string {
  if (error instanceof EventOutage) return error.errorResponse
  if (error instanceof ProblemError) return problemText(error)
  const httpError = asHttpError(error)
  if (httpError.code !== 'INTERNAL_SERVER_ERROR') return httpErrorText(httpError)
  logger.error({ err: error, requestId }, 'an operation over a WebSocket or event stream failed')
  return httpErrorText(httpError, requestId)
}

const problemText = ({ message, extensions }: ProblemError): string => refusalText([{ message, extensions }])

/** Disconnects the clients that have not read for `behindMs`. */
function disconnectSlow({ lagging, clock, logger }: BrokerState, behindMs: number): void {
  const before = clock() - behindMs
  for (const subscription of lagging) {
    const { laggingSinceMs, viewer } = subscription
    if (laggingSinceMs === null || laggingSinceMs >= before) continue
    logger.info({ key: viewer.key, behindMs }, 'disconnected a client that did not read its events in time')
    subscription.disconnect()
  }
}
