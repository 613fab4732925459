// Runs operations for clients that can be sent more than one answer. Subscriptions that ask the same for the same viewer
// share one upstream.

import { randomUUID } from 'node:crypto'
import { HttpError, httpErrorText } from '../protocol/http-error.ts'
import type { GraphqlRequest } from '../protocol/request.ts'
import { refusalText } from '../supergraph/errors.ts'
import type { Prepared, Supergraph, Variables } from '../supergraph/index.ts'
import { Batch } from './batch.ts'
import { Subscription } from './subscription.ts'
import { formOf, type Form } from './group-key.ts'
import type { Subscriber } from './subscriber.ts'
import type { RequestContext, Viewer } from '../../subgraphs/shared/viewer.ts'
import type { Lagging, Topic } from './topic.ts'
import { Semaphore } from '../../subgraphs/platform/async/semaphore.ts'
import type { Logger } from '../../subgraphs/platform/logger.ts'

export interface Broker {
  /**
   * Runs an operation for `subscriber`, who gets one answer or many; null when no more than one can come. `cursor` says where
   * a subscription goes on, in place of what its variables say. `request` reads the request; what it throws is answered.
   */
  run(
    request: () => GraphqlRequest,
    viewer: Viewer,
    subscriber: Subscriber,
    cursor?: string | null,
  ): Running | null
  close(): void
}

/** An operation that may give more answers. */
export interface Running {
  /** Ends it early: the subscriber hears nothing more. */
  leave(): void
}

export interface BrokerOptions {
  readonly supergraph: Supergraph
  readonly logger: Logger
  /** How long a client may take to read what it was sent, when that is much, before it is given up. */
  readonly behindMs: number
  /** Milliseconds that only grow. */
  readonly clock?: () => number
}

/** A subscription document as it is run. */
interface Watched {
  readonly form: Form
  readonly run: Prepared
  /** By variables and visibility. */
  readonly topics: Map<string, Topic>
}

/** Upstreams of their own that may be read at once by those who catch up: each holds some events. */
const catchingUpMax = 100
/** How often those who lag are looked at. */
const sweepMs = 500

export function openBroker({
  supergraph,
  logger,
  behindMs,
  clock = () => performance.now(),
}: BrokerOptions): Broker {
  const watched = new WeakMap<Prepared, Watched>()
  /** Documents that differ in how they say where they go on have the same topics. */
  const topicsOf = new WeakMap<Prepared, Watched['topics']>()
  const semaphore = new Semaphore(catchingUpMax)
  const lagging = new Map<Lagging, number>()
  const sweeping = setInterval(() => {
    const since = clock() - behindMs
    for (const [one, laggingSince] of lagging) {
      if (laggingSince >= since) continue
      logger.info({ key: one.viewer.key }, 'a client did not read for too long and was let go')
      one.giveUp()
    }
  }, sweepMs).unref()

  /** The answer for something that was thrown: a fault as it is, anything else masked and logged. */
  const answerFor = (error: unknown, requestId: string): string => {
    if (error instanceof HttpError) return httpErrorText(error)
    logger.error({ err: error, requestId }, 'an operation over a stream failed')
    return httpErrorText(new HttpError('INTERNAL_SERVER_ERROR'), requestId)
  }

  function run(
    request: () => GraphqlRequest,
    viewer: Viewer,
    subscriber: Subscriber,
    cursor: string | null = null,
  ): Running | null {
    const context: RequestContext = { viewer, requestId: randomUUID() }
    const fail = (error: unknown): void => subscriber.refuse(answerFor(error, context.requestId))
    try {
      const { query, operationName, variables } = request()
      const prepared = supergraph.prepare(query, operationName)
      if (prepared.kind === 'rejected') return refuse(subscriber, prepared.errors)
      const coerced = prepared.coerce(variables)
      if ('errors' in coerced) return refuse(subscriber, coerced.errors)
      if (prepared.operation !== 'subscription') {
        answerOnce(prepared, coerced.variables, context, subscriber).catch(fail)
        return null
      }
      const { form, topics, run: its } = watchedBy(prepared, query, operationName)
      const key = `${visibilityOf(viewer)} ${canonical(variablesOf(its, form.variablesAt(variables, null)))}`
      let topic = topics.get(key)
      if (!topic) topics.set(key, (topic = topicOf(form, its, variables, () => topics.delete(key))))
      const subscription = new Subscription(topic, viewer, subscriber)
      subscription.start(cursor ?? form.cursorIn(coerced.variables))
      return subscription
    } catch (error) {
      fail(error)
      return null
    }
  }

  function watchedBy(prepared: Prepared, query: string, operationName: string | undefined): Watched {
    let known = watched.get(prepared)
    if (known) return known
    const form = formOf(query, operationName)
    const its = supergraph.prepare(form.document, operationName)
    if (its.kind === 'rejected')
      throw new TypeError(`a valid document became one that is not: ${form.document}`)
    let topics = topicsOf.get(its)
    if (!topics) topicsOf.set(its, (topics = new Map()))
    watched.set(prepared, (known = { form, run: its, topics }))
    return known
  }

  function topicOf(form: Form, prepared: Prepared, variables: Variables, onEmpty: () => void): Topic {
    return {
      sharing: form.sharing,
      canResume: form.canResume,
      followers: 0,
      group: null,
      semaphore,
      lagging,
      clock,
      onEmpty,
      answerFor: (error) => answerFor(error, randomUUID()),
      async open(viewer, cursor) {
        const coerced = prepared.coerce(form.variablesAt(variables, cursor))
        if ('errors' in coerced) return refusalText(coerced.errors)
        const opened = await prepared.subscribe(coerced.variables, { viewer, requestId: randomUUID() })
        return 'errorResponse' in opened ? opened.errorResponse : opened
      },
    }
  }

  return { run, close: () => clearInterval(sweeping) }
}

async function answerOnce(
  prepared: Prepared,
  variables: Variables,
  context: RequestContext,
  subscriber: Subscriber,
): Promise<void> {
  const bytes = Buffer.from(await prepared.execute(variables, context))
  subscriber.next(new Batch([{ value: bytes, position: null }], null))
  subscriber.complete()
}

function refuse(subscriber: Subscriber, errors: Parameters<typeof refusalText>[0]): null {
  subscriber.refuse(refusalText(errors))
  return null
}

/** As the prepared document takes them: what it does not declare is left out. */
function variablesOf(prepared: Prepared, given: Variables): Variables {
  const coerced = prepared.coerce(given)
  return 'errors' in coerced ? given : coerced.variables
}

/** Two viewers with the same text see the same. */
const visibilityOf = ({ participant, scopes }: Viewer): string =>
  [participant, ...[...scopes].toSorted()].join(' ')

/** JSON with the members of every object in one order. */
const canonical = (value: unknown): string =>
  JSON.stringify(value, (_name, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  )
