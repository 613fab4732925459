// Alerts as callers see them: lists, a stream of their events, and the operator’s acknowledgement.

import type { Filter } from 'mongodb'
import type { AlertId, CorridorId, ParticipantId } from '../../schema/values/id.ts'
import { isRefusal, orThrow, refuse, type Refusal } from '../../schema/values/problems.ts'
import { quoteInput } from '../../schema/values/unknown.ts'
import type { ResumableStream } from '../platform/async/resumable-stream.ts'
import { readForClient } from '../platform/mongo/client-reads.ts'
import { demandScope, isOperator, requireScope } from '../shared/access.ts'
import { alertSubjectsOf } from '../shared/alert-access.ts'
import type { AlertFeed } from '../shared/alert-feed.ts'
import type { Alert, AlertEvent, AlertLog, AlertSubject } from '../shared/alert-log.ts'
import { authorOf, type AuditLog } from '../shared/audit-log.ts'
import { openBacklogStream, withPositions, type BacklogSource } from '../shared/backlog-stream.ts'
import type { Cursors } from '../shared/cursor.ts'
import type { IdempotencyConflict } from '../shared/idempotency-key.ts'
import type { IdempotentWriter } from '../shared/idempotent-writer.ts'
import { pagesOf, type Connection, type PageArguments } from '../shared/page.ts'
import type { Registry } from '../shared/registry.ts'
import type { RequestContext } from '../shared/viewer.ts'
import type { AlertKind } from './alert-method.ts'

export interface AlertDependencies {
  readonly alertLog: AlertLog
  readonly alertFeed: AlertFeed
  readonly cursors: Cursors
  readonly audit: Pick<AuditLog, 'record'>
  readonly idempotentWriter: IdempotentWriter
  readonly registry: Registry
  readonly now: () => Date
}

export interface AlertFilterInput {
  readonly kinds?: readonly AlertKind[] | null
  readonly corridors?: readonly CorridorId[] | null
  readonly participants?: readonly ParticipantId[] | null
  readonly open?: boolean | null
}

export interface AcknowledgeAlertInput {
  readonly alert: AlertId
  readonly note?: string | null
  readonly idempotencyKey?: string | null
}

const pages = pagesOf('alerts', ['number', 'string'], 100)
const namesMax = 100

/** Alerts that the caller may read, newest first. Throws BAD_PAGE, CURSOR_INVALID or TOO_MANY. */
export async function alertPage(
  { alertLog: { alerts }, registry }: AlertDependencies,
  { where, ...args }: PageArguments & { readonly where?: AlertFilterInput | null },
  context: RequestContext,
): Promise<Connection<Alert>> {
  demandScope(context, 'analytics:read')
  const page = orThrow(pages.read(args))
  const filter = orThrow(readFilter(where ?? {}, visibleSubjects(context, registry)))
  const [time, id] = page.after ?? []
  const raisedAt = new Date(time ?? 0)
  const after: Filter<Alert> =
    id === undefined
      ? {}
      : { $or: [{ raisedAt: { $lt: raisedAt } }, { raisedAt, _id: { $lt: id as AlertId } }] }
  const found = alerts
    .find({ $and: [filter, after] }, { projection: { open: 0 } })
    .sort({ raisedAt: -1, _id: -1 })
    .limit(page.size + 1)
  const rows = await readForClient(alerts.db, 'list', () => found.toArray())
  return pages.connection(page, rows, (alert) => [alert.raisedAt.getTime(), alert._id])
}

/** Null when there is no alert with this id that the caller may read. */
export async function findAlert(
  { alertLog: { alerts }, registry }: AlertDependencies,
  id: AlertId,
  context: RequestContext,
): Promise<Alert | null> {
  demandScope(context, 'analytics:read')
  const alert = await alerts.findOne({ _id: id }, { projection: { open: 0 } })
  const visible = visibleSubjects(context, registry)
  return alert && (!visible || visible.has(alert.subject)) ? alert : null
}

/** Null: all. */
const visibleSubjects = (context: RequestContext, registry: Registry): ReadonlySet<AlertSubject> | null =>
  isOperator(context) ? null : alertSubjectsOf(context.viewer.participant, registry)

function readFilter(
  { kinds, corridors, participants, open }: AlertFilterInput,
  visible: ReadonlySet<AlertSubject> | null,
): Filter<Alert> | Refusal {
  for (const [field, list] of Object.entries({ corridors, participants })) {
    if ((list?.length ?? 0) > namesMax) {
      return refuse('TOO_MANY', `\`${field}\` has more than ${namesMax} entries`, ['where', field])
    }
  }
  const wanted: AlertSubject[] = [
    ...(corridors ?? []).map((id) => `corridor:${id}` as const),
    ...(participants ?? []).map((id) => `participant:${id}` as const),
  ]
  const subjects =
    wanted.length > 0 ? wanted.filter((subject) => visible?.has(subject) ?? true) : visible && [...visible]
  return {
    ...(subjects && { subject: { $in: subjects } }),
    ...(kinds?.length && { kind: { $in: [...kinds] } }),
    ...(typeof open === 'boolean' && { endedAt: open ? null : { $ne: null } }),
  }
}

/** What happened to an alert, and the cursor to resume after. */
export type PlacedAlertEvent = AlertEvent & { readonly cursor: string }

/** The number of an event, and the event; null where the stream has only caught up. */
interface Step {
  readonly last: number
  readonly event: AlertEvent | null
}

const pageMax = 100

/**
 * Events that the caller may read: after `after`, or new ones. Throws a refusal with CURSOR_INVALID; `next`
 * with CURSOR_EXPIRED when the events after it are no longer kept.
 */
export function streamAlertEvents(
  { alertLog, alertFeed, cursors, registry }: AlertDependencies,
  after: string | null,
  context: RequestContext,
): ResumableStream<{ readonly alertEvents: PlacedAlertEvent }> {
  demandScope(context, 'analytics:read')
  const start = after === null ? alertFeed.tip() : Number(orThrow(cursors.decode(after)))
  const isVisible = ({ alert }: AlertEvent): boolean =>
    visibleSubjects(context, registry)?.has(alert.subject) ?? true
  const steps = openBacklogStream(eventSource(alertLog, alertFeed, isVisible, start))
  const cursorOf = (last: number): string => cursors.encode(BigInt(last))
  return withPositions(
    steps,
    ({ event }) => event && { alertEvents: { ...event, cursor: cursorOf(event._id) } },
    ({ last }) => ({ ordinal: last, cursor: cursorOf(last) }),
  )
}

function eventSource(
  alertLog: AlertLog,
  alertFeed: AlertFeed,
  isVisible: (event: AlertEvent) => boolean,
  start: number,
): BacklogSource<Step> {
  let delivered = start
  let readTo = start
  const stepOf = (event: AlertEvent): Step => ({ last: event._id, event })
  return {
    async refill(backlog) {
      if (readTo < delivered) readTo = delivered
      // No `await` between this check and going live, so no event is missed in between.
      if (readTo >= alertFeed.tip()) {
        backlog.goLive()
        return [{ last: readTo, event: null }]
      }
      const events = await alertLog.read(readTo, pageMax)
      if (events[0]?._id !== readTo + 1) orThrow(refuse('CURSOR_EXPIRED', undefined, ['after']))
      readTo = events.at(-1)!._id
      return events.filter(isVisible).map(stepOf)
    },
    subscribe: (backlog) =>
      alertFeed.subscribe((event) => void (isVisible(event) && backlog.push(stepOf(event)))),
    accept({ last, event }) {
      if (last < delivered || (event !== null && last === delivered)) return false
      delivered = last
      return true
    },
    onOverflow: ({ last }) => {
      readTo = last - 1
    },
  }
}

/** Refuses with FORBIDDEN, BAD_VALUE, NOT_FOUND or IDEMPOTENCY_CONFLICT. A second call changes nothing. */
export async function acknowledgeAlert(
  { alertLog, audit, idempotentWriter, now }: AlertDependencies,
  { alert: id, note: noteText, idempotencyKey }: AcknowledgeAlertInput,
  context: RequestContext,
): Promise<Alert | Refusal | IdempotencyConflict> {
  const refusal = requireScope(context, 'operator')
  if (refusal) return refusal
  const note = noteText?.trim() || null
  if (note !== null && !/^\P{Cc}{1,500}$/u.test(note)) {
    return refuse('BAD_VALUE', 'a note has 1–500 characters', ['input', 'note'])
  }
  const at = now()
  const by = context.viewer.participant
  const operation = 'acknowledgeAlert' as const
  const call = { participant: by, operation, idempotencyKey, command: { id, note }, at } as const
  const outcome = await idempotentWriter.once<Alert>(call, async (session) => {
    const found = await alertLog.acknowledge(id, { at, by, note }, session)
    if (!found) return refuse('NOT_FOUND', `there is no alert ${quoteInput(id)}`, ['input', 'alert'])
    const { alert, isFirst } = found
    if (!isFirst) return alert
    const target = `alert:${id}` as const
    const change = { before: { acknowledged: null }, after: { acknowledged: alert.acknowledged } }
    await audit.record({ ...authorOf(context), at, action: operation, target, ...change }, session)
    return alert
  })
  return isRefusal(outcome) ? outcome : outcome.done
}
