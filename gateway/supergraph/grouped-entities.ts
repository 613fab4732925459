// Sends the `_entities` calls of several requests as one. A call leaves at once while fewer than two are in
// flight, so a single request is never delayed; those that come meanwhile leave together when one returns.

import { Kind, parse } from 'graphql'
import type { SubgraphError, SubgraphOperation, SubgraphResult, Variables } from './connection.ts'
import { deadlineOf } from './waiting.ts'

/** The key of the calls that may be sent as one: with the headers of any of them. Null for one sent alone. */
export type GroupKey = (context: unknown) => string | null

const inFlightMax = 2
/** The most representations of one call, unless a single request has more. */
const representationsMax = 1_000

interface Member {
  readonly representations: readonly unknown[]
  readonly context: unknown
  resolve(result: SubgraphResult): void
  reject(error: unknown): void
}

interface Queue {
  inFlight: number
  readonly members: Member[]
}

/** The operation, whose calls are grouped; itself when its document is no single `_entities` call. */
export function groupEntities(
  operation: SubgraphOperation,
  document: string,
  keyOf: GroupKey,
): SubgraphOperation {
  const call = readCall(document)
  if (!call) return operation
  const { variable, responseKey } = call
  const queues = new Map<string, Queue>()

  async function send(queue: Queue, others: Variables): Promise<void> {
    const members = taken(queue.members)
    const representations = members.flatMap((member) => member.representations)
    queue.inFlight += 1
    try {
      const variables = { ...others, [variable]: representations }
      const result = await operation.execute(variables, latestOf(members))
      distribute(result, members, responseKey)
    } catch (error) {
      for (const member of members) member.reject(error)
    } finally {
      queue.inFlight -= 1
    }
  }

  async function run(key: string, queue: Queue, others: Variables): Promise<void> {
    while (queue.members.length > 0 && queue.inFlight < inFlightMax) await send(queue, others)
    if (queue.inFlight === 0) queues.delete(key)
  }

  return {
    execute(variables, context) {
      const { [variable]: representations, ...others } = variables
      const group = keyOf(context)
      if (group === null || !Array.isArray(representations)) return operation.execute(variables, context)
      const key = JSON.stringify([group, others])
      let queue = queues.get(key)
      if (!queue) queues.set(key, (queue = { inFlight: 0, members: [] }))
      const { promise, resolve, reject } = Promise.withResolvers<SubgraphResult>()
      queue.members.push({ representations, context, resolve, reject })
      void run(key, queue, others)
      return promise
    },
    subscribe: (variables, context) => operation.subscribe(variables, context),
  }
}

/** The variable and the response key of the one root field `_entities`; null for any other document. */
function readCall(document: string): { readonly variable: string; readonly responseKey: string } | null {
  const [operation, ...others] = parse(document, { noLocation: true }).definitions
  if (operation?.kind !== Kind.OPERATION_DEFINITION || others.length > 0) return null
  const [field, ...more] = operation.selectionSet.selections
  if (field?.kind !== Kind.FIELD || field.name.value !== '_entities' || more.length > 0) return null
  const value = field.arguments?.[0]?.value
  if (value?.kind !== Kind.VARIABLE) return null
  return { variable: value.name.value, responseKey: (field.alias ?? field.name).value }
}

/** Takes the first members, up to `representationsMax`. */
function taken(members: Member[]): readonly Member[] {
  let count = 0
  let length = 0
  for (const { representations } of members) {
    count += representations.length
    if (length > 0 && count > representationsMax) break
    length += 1
  }
  return members.splice(0, length)
}

/** The context with the latest deadline: each request leaves by its own. */
const latestOf = (members: readonly Member[]): unknown =>
  members.reduce(
    (latest, { context }) => (leftMs(context) > leftMs(latest) ? context : latest),
    members[0]!.context,
  )

const leftMs = (context: unknown): number => deadlineOf(context)?.leftMs ?? Infinity

/** Gives each request its entities, and the errors of these and of the call as a whole. */
function distribute(
  { data, errors = [] }: SubgraphResult,
  members: readonly Member[],
  responseKey: string,
): void {
  const entities = data?.[responseKey]
  const total = members.reduce((sum, { representations }) => sum + representations.length, 0)
  let from = 0
  for (const { representations, resolve } of members) {
    const end = from + representations.length
    // A list of another length is the mistake of no member alone: each gets one that the engine refuses.
    const own = Array.isArray(entities) && entities.length === total ? entities.slice(from, end) : []
    const ownErrors = errors.flatMap((error) => errorWithin(error, responseKey, from, end))
    const result =
      members.length === 1 ? { data, errors } : { data: data && { [responseKey]: own }, errors: ownErrors }
    resolve(result)
    from = end
  }
}

function errorWithin(error: SubgraphError, responseKey: string, from: number, end: number): SubgraphError[] {
  const [key, index, ...rest] = error.path ?? []
  if (key !== responseKey || typeof index !== 'number') return [error]
  return index >= from && index < end ? [{ ...error, path: [key, index - from, ...rest] }] : []
}
