// Runs operations for WebSocket clients. Subscriptions that ask the same for the same viewer share one upstream.

import { randomUUID } from 'node:crypto'
import type { SubscribePayload } from 'graphql-ws'
import type { FastifyBaseLogger } from 'fastify'
import type { RequestContext, Viewer } from '../../subgraphs/subgraph.ts'
import { Fault, faultText } from '../fault.ts'
import { readRequest } from '../request.ts'
import { refusalText } from '../supergraph/errors.ts'
import type { Prepared, Supergraph, Variables } from '../supergraph/index.ts'
import { Group, type Open, type Subscriber } from './group.ts'
import { sharingOf, type SharingRule } from './sharing.ts'

export interface Room {
  /** Runs an operation for `subscriber`, who gets one answer or many. What it returns ends it early. */
  run(payload: SubscribePayload, viewer: Viewer, subscriber: Subscriber): () => void
  /** Upstream subscriptions that are open now. */
  readonly groups: number
}

/** A subscription document and the groups that watch it, by variables and visibility. */
interface Watched {
  readonly sharing: SharingRule
  readonly groups: Map<string, Group>
}

export function openRoom(supergraph: Supergraph, log: FastifyBaseLogger): Room {
  const watched = new WeakMap<Prepared, Watched>()
  let groups = 0

  /** The answer for something that was thrown: a fault as it is, anything else masked and logged. */
  const answerFor = (error: unknown, requestId: string): string => {
    if (error instanceof Fault) return faultText(error)
    log.error({ err: error, requestId }, 'an operation over a WebSocket failed')
    return faultText(new Fault('INTERNAL_SERVER_ERROR'), requestId)
  }

  function run(payload: SubscribePayload, viewer: Viewer, subscriber: Subscriber): () => void {
    const context: RequestContext = { viewer, requestId: randomUUID() }
    const fail = (error: unknown): void => subscriber.refuse(answerFor(error, context.requestId))
    try {
      const { query, operationName, variables } = readRequest(payload)
      const prepared = supergraph.prepare(query, operationName)
      if (prepared.kind === 'rejected') return refuse(subscriber, prepared.errors)
      const coerced = prepared.coerce(variables)
      if ('errors' in coerced) return refuse(subscriber, coerced.errors)
      if (prepared.operation === 'subscription') {
        return watch(
          prepared,
          watchedBy(prepared, query, operationName),
          coerced.variables,
          context,
          subscriber,
        )
      }
      answerOnce(prepared, coerced.variables, context, subscriber).catch(fail)
    } catch (error) {
      fail(error)
    }
    return nothing
  }

  function watchedBy(prepared: Prepared, query: string, operationName: string | undefined): Watched {
    let known = watched.get(prepared)
    if (!known)
      watched.set(prepared, (known = { sharing: sharingOf(query, operationName), groups: new Map() }))
    return known
  }

  function watch(
    prepared: Prepared,
    { sharing, groups: known }: Watched,
    variables: Variables,
    context: RequestContext,
    subscriber: Subscriber,
  ): () => void {
    const kind = sharing(variables)
    const key = kind === 'OWN' ? null : `${visibilityOf(context.viewer)} ${canonical(variables)}`
    let group = key === null ? undefined : known.get(key)
    if (!group) {
      const open: Open = async () => {
        const opened = await prepared.subscribe(variables, context)
        return 'errorResponse' in opened ? opened.errorResponse : opened
      }
      groups++
      group = new Group(
        kind,
        open,
        (error) => answerFor(error, context.requestId),
        () => {
          groups--
          if (key !== null) known.delete(key)
        },
      )
      if (key !== null) known.set(key, group)
    }
    group.join(subscriber)
    const joined = group
    return () => joined.leave(subscriber)
  }

  return {
    run,
    get groups() {
      return groups
    },
  }
}

async function answerOnce(
  prepared: Prepared,
  variables: Variables,
  context: RequestContext,
  subscriber: Subscriber,
): Promise<void> {
  subscriber.next(Buffer.from(await prepared.execute(variables, context)))
  subscriber.complete()
}

function refuse(subscriber: Subscriber, errors: Parameters<typeof refusalText>[0]): () => void {
  subscriber.refuse(refusalText(errors))
  return nothing
}

const nothing = (): void => {}

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
