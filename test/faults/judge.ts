// Judges a scenario: S1–S10, from the history of its clients and from the database. Like the checks of
// `npm run verify`, which it calls, it reads collections directly and shares no code with the product.

import { MongoClient, type Db } from 'mongodb'
import { verify } from '../../gateway/verify/verify.ts'
import type { Delivered, History } from './history.ts'

export interface Violation {
  /** "S1" to "S10". */
  readonly rule: string
  readonly text: string
}

/** The part of a history that is judged. */
export interface Segment {
  readonly history: History
  /** Requests sent from then on are judged. */
  readonly since: number
  /** Answers of `/readyz` are judged until then. */
  readonly until: number
  readonly webhooksFrom: number
  readonly deliveredFrom: number
  /** Where each subscriber stood at the begin. */
  readonly subscribers: readonly { readonly name: string; readonly key: string; readonly from: bigint }[]
}

interface LogEntry {
  readonly _id: bigint
  readonly transaction: string
  readonly sequence: number
  readonly kind: string
  readonly refundOf?: string
  readonly payment: { readonly wallet: string; readonly acquirer: string }
}

interface StoredPayment {
  readonly _id: string
  readonly reference: string
  readonly status: string
  readonly counterparty: string
  readonly merchantAmount: { readonly minor: bigint; readonly currency: string }
  readonly keys: readonly { readonly id: string }[]
  readonly refunds: readonly { readonly _id: string; readonly key: string }[]
  readonly events: readonly { readonly kind: string }[]
}

/** An answer is due within 6 s in any fault, and one of `/readyz` within half a second. */
const answerMs = 6_000
const readyMs = 500

const payer = 'wallet-sg-01'
const seenBy: Readonly<Record<string, (payment: LogEntry['payment']) => boolean>> = {
  'demo-wallet': ({ wallet }) => wallet === payer,
  'demo-acquirer': ({ acquirer }) => acquirer === 'acquirer-cn-01',
  'demo-operator': () => true,
}

export async function judge(uri: string, database: string, segment: Segment): Promise<readonly Violation[]> {
  const client = new MongoClient(uri, { useBigInt64: true, readConcern: { level: 'majority' } })
  try {
    const db = client.db(database)
    const found: Violation[] = []
    const report = (rule: string, text: string): void => void found.push({ rule, text })
    await judgeEffects(db, segment, report)
    const entries = await readLog(db, segment)
    judgeStreams(entries, segment, report)
    judgeOrder(entries, segment, report)
    await judgeWebhooks(db, entries, segment, report)
    judgeAnswers(segment, report)
    for (const { name, failed, violations } of await verify(uri, database)) {
      if (failed > 0) report(rulesOfChecks[name] ?? 'S4', `${name}: ${failed}, such as ${violations[0]}`)
    }
    return found
  } finally {
    await client.close()
  }
}

const rulesOfChecks: Readonly<Record<string, string>> = {
  moves: 'S5',
  deadlines: 'S5',
  keys: 'S2',
  quotes: 'S2',
  log: 'S7',
  entries: 'S7',
  webhooks: 'S9',
}

type Report = (rule: string, text: string) => void

const operations = { submit: 'submitPayment', refund: 'refundPayment', cancel: 'cancelPayment' } as const

/** S1, S2, S3: each key has the effect that its answers state, and no other. */
async function judgeEffects(db: Db, { history, since }: Segment, report: Report): Promise<void> {
  const requests = Map.groupBy(
    history.requests.filter(({ sentAt }) => sentAt >= since),
    ({ key }) => key,
  )
  const payments = db.collection<StoredPayment>('payments')
  for (const [key, attempts] of requests) {
    const order = history.orders.get(key)!
    const caller = order.kind === 'refund' ? 'acquirer-cn-01' : payer
    const used = order.isConflict ? key.replace(/ again$/, '') : key
    const stored = await payments.findOne({ 'keys.id': `${caller}/${operations[order.kind]}/${used}` })
    const payment = stored?.status === undefined ? null : stored
    const acknowledged = attempts.filter(({ result }) => result === 'ACKNOWLEDGED')
    const refused = attempts.filter(({ result }) => result === 'REFUSED')
    const wrongly = refused.find(({ code }) => !order.refusals.includes(code!))
    if (wrongly) report('S3', `${key} was refused with ${wrongly.code}`)
    const ids = new Set(acknowledged.map(({ id }) => id))
    if (ids.size > 1) report('S1', `${key} was acknowledged as ${[...ids].join(' and ')}`)
    const [id] = ids
    if (order.isConflict) {
      if (acknowledged.length > 0) report('S1', `${key} was acknowledged, but its key has another input`)
      continue
    }
    if (id !== undefined) {
      const exists =
        order.kind === 'refund' ? payment?.refunds.some(({ _id }) => _id === id) : payment?._id === id
      if (!exists) report('S1', `${key} was acknowledged as ${id}, which does not exist under its key`)
    } else if (refused.length > 0) {
      if (payment) report('S3', `${key} was refused, and has an effect: ${payment._id}`)
    } else {
      report('S2', `${key} has no answer after the fault: ${attempts.at(-1)!.code}`)
    }
    if (order.kind !== 'submit') continue
    const count = await payments.countDocuments({ wallet: payer, reference: key })
    if (count > 1) report('S2', `${key} was paid ${count} times`)
    const isAsOrdered = !payment || payment.merchantAmount.minor === BigInt(order.amount!.replace('.', ''))
    if (!isAsOrdered)
      report('S1', `${key} was ordered as ${order.amount}, and stands as ${payment.merchantAmount.minor}`)
    const isStream = payment?.counterparty === 'acquirer-cn-01' || payment?.counterparty === 'acquirer-cn-02'
    if (isStream && payment.status === 'COMPLETED' && !history.approved.has(payment._id)) {
      report('S1', `${payment._id} is completed, but its counterparty has not approved it`)
    }
  }
}

async function readLog(db: Db, { subscribers }: Segment): Promise<readonly LogEntry[]> {
  const from = subscribers.reduce((least, { from: one }) => (one < least ? one : least), 2n ** 62n)
  const batches = db.collection<{ _id: bigint; last: bigint; entries: LogEntry[] }>('log')
  const found = await batches.find({ last: { $gt: from } }, { sort: { _id: 1 } }).toArray()
  return found.flatMap(({ entries }) => entries).filter(({ _id }) => _id > from)
}

/** S6: each subscriber received its projection of the log, in order, once. */
function judgeStreams(
  entries: readonly LogEntry[],
  { history, subscribers, deliveredFrom }: Segment,
  report: Report,
) {
  const delivered = Map.groupBy(history.delivered.slice(deliveredFrom), ({ subscriber }) => subscriber)
  for (const { name, key, from } of subscribers) {
    const received = delivered.get(name) ?? []
    const empty = received.filter(({ position }) => position === null).length
    if (empty > 0) report('S6', `${name} received ${empty} events without data`)
    const expected = entries.filter(({ _id, payment }) => _id > from && seenBy[key]!(payment))
    const wrong = firstDifference(
      expected,
      received.filter(({ position }) => position !== null),
    )
    if (wrong !== null) report('S6', `${name} ${wrong}`)
  }
}

function firstDifference(expected: readonly LogEntry[], received: readonly Delivered[]): string | null {
  for (let n = 0; n < Math.max(expected.length, received.length); n++) {
    const [entry, event] = [expected[n], received[n]]
    const isSame =
      entry !== undefined &&
      event !== undefined &&
      event.position === entry._id &&
      event.transaction === entry.transaction &&
      event.sequence === entry.sequence &&
      event.kind === entry.kind
    if (isSame) continue
    if (!entry) return `received position ${event!.position}, which the log does not have for it`
    return `should have received position ${entry._id} (${entry.transaction}/${entry.sequence}) as event ${n + 1} of ${expected.length}, and received ${event ? `position ${event.position}` : 'nothing'}`
  }
  return null
}

/** S8: what was acknowledged before another payment was sent is earlier in the log. */
function judgeOrder(entries: readonly LogEntry[], { history, since }: Segment, report: Report): void {
  const positions = new Map<string, bigint>()
  for (const { _id, transaction, kind } of entries) if (kind === 'SUBMITTED') positions.set(transaction, _id)
  const spans = new Map<string, { sentAt: number; answeredAt: number }>()
  const firstSent = new Map<string, number>()
  for (const { kind, key, sentAt, answeredAt, id } of history.requests) {
    if (kind !== 'submit' || sentAt < since) continue
    if (!firstSent.has(key)) firstSent.set(key, sentAt)
    if (id === null || spans.has(id)) continue
    spans.set(id, { sentAt: firstSent.get(key)!, answeredAt })
  }
  const inOrder = [...spans].flatMap(([id, span]) =>
    positions.has(id) ? [{ id, ...span, position: positions.get(id)! }] : [],
  )
  inOrder.sort((a, b) => (a.position < b.position ? 1 : -1))
  let earliest = { id: '', answeredAt: Infinity }
  for (const { id, sentAt, answeredAt } of inOrder) {
    if (earliest.answeredAt < sentAt)
      report('S8', `${earliest.id} was acknowledged before ${id} was sent, and is later in the log`)
    if (answeredAt < earliest.answeredAt) earliest = { id, answeredAt }
  }
}

/** S9: signatures verify, and each delivery that counts as delivered was received. */
async function judgeWebhooks(
  db: Db,
  entries: readonly LogEntry[],
  { history, webhooksFrom }: Segment,
  report: Report,
): Promise<void> {
  const unsigned = history.webhooks.slice(webhooksFrom).filter(({ isSigned }) => !isSigned).length
  if (unsigned > 0) report('S9', `${unsigned} webhooks have a signature that does not verify`)
  const accepted = new Set(history.webhooks.flatMap((one) => (one.accepted ? [one.id] : [])))
  interface Delivery {
    readonly _id: string
    readonly position: bigint
    readonly state: string
  }
  const first = entries[0]?._id ?? 0n
  const stored = db.collection<Delivery>('webhookDeliveries').find({ position: { $gte: first } })
  for await (const { _id, state } of stored) {
    if (state === 'DELIVERED' && !accepted.has(_id))
      report('S9', `${_id} counts as delivered, and was not received`)
    if (state === 'DEAD') report('S9', `${_id} is DEAD`)
  }
}

/** S10: each answer in time, and none that calls an outage anything else. */
function judgeAnswers({ history, since, until }: Segment, report: Report): void {
  const judged = history.requests.filter(
    ({ sentAt, answeredAt, hub }) => sentAt >= since && !isExcused(history, hub, sentAt, answeredAt),
  )
  const late = judged
    .map(({ sentAt, answeredAt }) => awake(history, sentAt, answeredAt))
    .filter((ms) => ms > answerMs)
  if (late.length > 0)
    report(
      'S10',
      `${late.length} answers took longer than 6 s, the longest ${Math.round(Math.max(...late))} ms`,
    )
  const untrue = judged.filter(({ result }) => result === 'UNKNOWN')
  const byCode = Map.groupBy(untrue, ({ code }) => code)
  for (const [code, { length }] of byCode) report('S10', `${length} answers were ${code}`)
  const ready = lateReadiness({ history, since, until }).filter(({ hubTookMs }) => hubTookMs > readyMs)
  if (ready.length > 0) {
    const slowest = Math.round(Math.max(...ready.map(({ hubTookMs }) => hubTookMs)))
    report(
      'S10',
      `${ready.length} answers of /readyz took longer than 0.5 s, the longest ${slowest} ms, without what their hub waited for a processor`,
    )
  }
}

/** Answers of `/readyz` that were late by the clock. `hubTookMs` leaves out what the hub waited. */
function lateReadiness({ history, since, until }: Pick<Segment, 'history' | 'since' | 'until'>) {
  return history.readiness
    .filter(
      ({ hub, at, tookMs, ownMs }) =>
        tookMs > readyMs && at >= since && at < until && !isExcused(history, hub, at, at + tookMs + ownMs),
    )
    .map(({ tookMs, ownMs, hubWaitedMs }) => ({
      tookMs,
      // Both may have waited at the same time.
      hubTookMs: tookMs + ownMs - Math.max(ownMs, hubWaitedMs),
    }))
}

/** A process that was stopped has to come to itself. */
const graceMs = 1_000

/**
 * A request may still be with the clients, or with the proxy in their process, until they have run for this
 * long.
 */
const leavingMs = 150
/** For about this long a hub that stops still accepts requests. */
const drainMs = 400

/** Whether no answer was owed of `hub` to a request that was sent and ended at these times. */
function isExcused(history: History, hub: number, sentAt: number, endedAt: number): boolean {
  return history.faults.some(({ silent, isAnnounced, from, to }) => {
    // A request that the clients sent, and then stood still, may not have left before the hub had stopped.
    const isOwed = isAnnounced && sentAt < from && awake(history, sentAt, from + drainMs) >= leavingMs
    return (silent === 'all' || silent === hub) && from <= endedAt && to + graceMs >= sentAt && !isOwed
  })
}

/** The time between two moments, without that in which the clients themselves stood still. */
function awake({ stalls }: History, from: number, to: number): number {
  const asleep = stalls.map((stall) => Math.max(0, Math.min(to, stall.to) - Math.max(from, stall.from)))
  return to - from - asleep.reduce((sum, ms) => sum + ms, 0)
}

/** The figures of a segment: requests, the longest answer, the slowest recovery, the longest stall; in ms. */
export function figuresOf({ history, since, until }: Segment) {
  const requests = history.requests.filter(({ sentAt }) => sentAt >= since)
  const owed = requests.filter(({ hub, sentAt, answeredAt }) => !isExcused(history, hub, sentAt, answeredAt))
  const faults = history.faults.filter(({ from }) => from >= since)
  const recoveries = faults.map(({ from, to, recoversFrom }) => {
    const start = recoversFrom === 'begin' ? from : to
    const first = requests.filter(({ result, sentAt }) => result === 'ACKNOWLEDGED' && sentAt >= start)
    return Math.min(...first.map(({ answeredAt }) => answeredAt)) - start
  })
  return {
    requests: requests.length,
    acknowledged: requests.filter(({ result }) => result === 'ACKNOWLEDGED').length,
    faults: faults.map(({ what }) => what),
    longestMs: Math.round(
      Math.max(0, ...owed.map(({ sentAt, answeredAt }) => awake(history, sentAt, answeredAt))),
    ),
    ownDelayMs: Math.round(
      Math.max(0, ...history.stalls.filter(({ to }) => to >= since).map(({ from, to }) => to - from)),
    ),
    readiness: history.readiness.filter(({ at }) => at >= since && at < until).length,
    lateReadiness: lateReadiness({ history, since, until }),
    recoveryMs: recoveries.length === 0 ? null : Math.round(Math.max(...recoveries)),
  }
}
