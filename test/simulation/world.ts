// One simulated run: hubs, payers and subscribers over one MongoDB, with faults by chance, and what must hold
// of it at the end. Sequencer, leases, log reader, projections and live streams are the code of the product.

import type { Db, Document } from 'mongodb'
import { Random } from '../../dataset/random.ts'
import type { LogBatch, LogEntry } from '../../subgraphs/log/entry.ts'
import type { IdempotentProjection, TransactionalProjection } from '../../subgraphs/log/projection.ts'
import { startProjection } from '../../subgraphs/log/projection.ts'
import { startLogReader, type LogReader } from '../../subgraphs/log/reader.ts'
import type { Logger } from '../../subgraphs/platform/logger.ts'
import type { LeaseHolder } from '../../subgraphs/platform/mongo/lease.ts'
import {
  openEventStreams,
  type EventStreams,
  type PositionedEntry,
} from '../../subgraphs/transaction/live/event-streams.ts'
import { startSequencer } from '../../subgraphs/transaction/log/sequencer.ts'
import type { Move, Payment, PaymentEvent } from '../../subgraphs/transaction/payment/payment.ts'
import { insertBatch, moveBatch } from '../../subgraphs/transaction/store/payment-writes.ts'
import { Ambush, openSimulatedDb, type Link, type NetworkQuality } from './simulated-db.ts'
import { SimulatedMongo, type Change, type Write } from './simulated-mongo.ts'
import { SimulatedProcess, VirtualTime, withVirtualTime } from './virtual-time.ts'

export interface RunResult {
  readonly seed: number
  /** What did not hold; none in a run without a defect. */
  readonly violations: readonly string[]
  /** The same for two runs of one seed. */
  readonly digest: number
  readonly entries: number
  readonly faults: readonly string[]
  readonly steps: number
}

/** Runs the world of `seed`. */
export const simulate = (seed: number, trace: Trace = () => {}): Promise<RunResult> =>
  withVirtualTime(() => new World(seed, trace).run())

/** Receives what happens, as lines. */
type Trace = (line: string) => void

/** Faults begin and end within this time. */
const faultsMs = 8_000
/** By then after the last fault, everything is where it must be. */
const progressMs = 20_000

const calm: NetworkQuality = { latencyMs: 4, lossChance: 0, slowChance: 0 }

const wallets = ['wallet-a', 'wallet-b', 'wallet-c']

/** An event as its writer sees it. */
interface Sent {
  readonly transaction: string
  readonly sequence: number
  readonly sentMs: number
  /** Null when its write has not been acknowledged. */
  ackedMs: number | null
}

interface Hub {
  readonly process: SimulatedProcess
  readonly link: Link
  readonly db: Db
  logReader: LogReader | null
  streams: EventStreams | null
  holders: LeaseHolder[]
}

const faultKinds = [
  'ambush',
  'relay',
  'kill',
  'pause',
  'cut',
  'stall',
  'failover',
  'failover',
  'oplog',
  'lag',
  'leave',
] as const

class World {
  readonly #seed: number
  readonly #trace: Trace
  readonly #random: Random
  readonly #time = new VirtualTime()
  readonly #mongo: SimulatedMongo
  readonly #hubs: Hub[] = []
  readonly #sent: Sent[] = []
  readonly #subscribers: Subscriber[] = []
  readonly #violations: string[] = []
  readonly #faults: string[] = []
  /** Faults that wait for a write to a collection. */
  readonly #traps: { readonly collection: string; readonly spring: (by: string) => void }[] = []
  readonly #ambush = new Ambush()
  readonly #orphans: Random
  readonly #lagMs: number
  readonly #quality: NetworkQuality
  #started = 0
  #writer: { readonly process: string; readonly epoch: unknown; hasAppended: boolean } | null = null
  #logEnd = 0n

  constructor(seed: number, trace: Trace) {
    this.#seed = seed
    this.#trace = trace
    this.#random = new Random(seed, 'simulation')
    this.#orphans = new Random(seed, 'orphans')
    this.#mongo = new SimulatedMongo({
      time: this.#time,
      random: new Random(seed, 'mongo'),
      onCommitted: (change) => this.#committed(change),
      onWrite: (write) => this.#written(write),
    })
    this.#lagMs = this.#random.pick([5, 5, 50, 300])
    this.#mongo.lagMs = this.#lagMs
    this.#quality = {
      latencyMs: this.#random.pick([4, 4, 30, 200]),
      lossChance: this.#random.pick([0, 0, 0.01, 0.03]),
      slowChance: this.#random.pick([0, 0, 0.01]),
    }
  }

  async run(): Promise<RunResult> {
    if (this.#random.chance(0.3)) this.#import(5 + this.#random.below(20))
    const hubs = 2 + this.#random.below(2)
    for (let slot = 0; slot < hubs; slot++) this.#startHub(slot, this.#random.next() * 500)
    for (let n = 0; n < 30 + this.#random.below(60); n++) {
      this.#time.schedule(this.#random.next() * (faultsMs - 500), null, () => this.#pay(n))
    }
    for (let n = 0; n < 4; n++) {
      const subscriber = new Subscriber(n === 3 ? null : wallets[n]!, this.#time, this.#random, () =>
        this.#anyHub(),
      )
      this.#subscribers.push(subscriber)
      this.#time.schedule(this.#random.next() * 3000, null, () => subscriber.connect())
    }
    if (this.#random.chance(0.4)) {
      this.#time.schedule(1000 + this.#random.next() * 4000, null, () => (this.#ambush.isSet = true))
    }
    if (this.#orphans.chance(0.4)) {
      this.#time.schedule(1000 + this.#orphans.next() * 4000, null, () => this.#trapOrphan())
    }
    const faults = this.#random.below(8)
    for (let n = 0; n < faults; n++)
      this.#time.schedule(this.#random.next() * faultsMs * 0.8, null, () => this.#plan())
    await this.#time.runTo(faultsMs)
    this.#heal()
    const endMs = faultsMs + progressMs
    for (let isQuiet = false; !isQuiet && this.#time.nowMs < endMs;) {
      while (this.#time.nowMs < endMs && this.#missing() !== null)
        await this.#time.runTo(this.#time.nowMs + 500)
      // A message that was under way for seconds may still bring something.
      await this.#time.runTo(this.#time.nowMs + 1500)
      isQuiet = this.#missing() === null
    }
    this.#check()
    for (const { process, logReader } of this.#hubs) {
      this.#trace(`${process.name}: the log reader is at ${logReader?.tip()} of ${this.#logEnd}`)
    }
    for (const { wallet, connectedTo, position } of this.#subscribers) {
      this.#trace(`the subscriber of ${wallet} is at ${position}, connected to ${connectedTo}`)
    }
    for (const { process } of this.#hubs) process.isDead = true
    return {
      seed: this.#seed,
      violations: this.#violations,
      digest: this.#time.digest,
      entries: Number(this.#logEnd),
      faults: this.#faults,
      steps: this.#time.stepCount,
    }
  }

  // Hubs.

  #startHub(slot: number, afterMs: number): void {
    const process = new SimulatedProcess(`hub-${slot}.${++this.#started}`, this.#random.below(1e6))
    const link: Link = {
      time: this.#time,
      random: new Random(this.#seed, process.name),
      mongo: this.#mongo,
      process,
      cutUntilMs: 0,
      stalledUntilMs: 0,
      ambush: this.#ambush,
      quality: this.#time.nowMs < faultsMs ? this.#quality : calm,
    }
    const hub: Hub = { process, link, db: openSimulatedDb(link), logReader: null, streams: null, holders: [] }
    this.#hubs[slot] = hub
    this.#time.schedule(afterMs, process, () => void this.#runHub(hub, slot))
  }

  async #runHub(hub: Hub, slot: number): Promise<void> {
    try {
      const { db } = hub
      const logger = this.#loggerOf(hub.process)
      // Few entries in memory, so that readers also read from MongoDB.
      const logReader = await startLogReader({ db, logger, recentMax: 8 })
      hub.logReader = logReader
      hub.streams = openEventStreams(logReader, { checkpointMs: 700 })
      hub.holders = [
        startSequencer({ db, logger, logReader }),
        startProjection({ db, logger, logReader }, counting),
        startProjection({ db, logger, logReader }, marking),
      ]
    } catch {
      // A hub that cannot start is started again.
      hub.process.isDead = true
      this.#startHub(slot, 500)
    }
  }

  #loggerOf({ name }: SimulatedProcess): Logger {
    const log = (object: { readonly err?: unknown }, message: string): void => {
      const { err, ...rest } = object
      const cause = err instanceof Error ? `: ${err.message} ${JSON.stringify(err.cause) ?? ''}` : ''
      this.#trace(`${this.#time.nowMs.toFixed(1)} ms ${name}: ${message} ${JSON.stringify(rest)}${cause}`)
    }
    return { info: log, warn: log, error: log } as Logger
  }

  #kill(slot: number): void {
    const { process, streams } = this.#hubs[slot]!
    process.isDead = true
    streams?.close()
    for (const subscriber of this.#subscribers) subscriber.lose(process)
    this.#startHub(slot, 50 + this.#random.next() * 3000)
  }

  #anyHub(): Hub | null {
    const ready = this.#hubs.filter(({ process, streams }) => !process.isDead && !process.isPaused && streams)
    return ready.length === 0 ? null : this.#random.pick(ready)
  }

  // Payers.

  /** Payments that are there before any hub. */
  #import(count: number): void {
    for (let n = 0; n < count; n++) {
      const payment = aPayment(`${String(n).padStart(9, '0')}-i`, this.#random.pick(wallets), new Date())
      void this.#mongo.insert({ process: 'import', command: -1 - n }, 'payments', payment)
    }
  }

  #pay(n: number): void {
    const hub = this.#anyHub()
    if (!hub) return
    const wallet = this.#random.pick(wallets)
    const steps = this.#random.below(4)
    this.#time.schedule(0, hub.process, () => void this.#live(hub, n, wallet, steps))
  }

  /** One payment: its submission, and each next step once the one before is acknowledged. */
  async #live(hub: Hub, n: number, wallet: string, steps: number): Promise<void> {
    const id = `${String(Math.round(this.#time.nowMs * 1000)).padStart(9, '0')}-${n}`
    let payment = aPayment(id, wallet, new Date())
    const payments = hub.db.collection<Payment>('payments')
    const submitted = this.#send(id, 1)
    const outcomes = await insertBatch(payments, [payment]).catch(() => [false])
    if (outcomes[0] !== true) return
    submitted.ackedMs = this.#time.nowMs
    for (let step = 0; step < steps; step++) {
      const next = this.#anyHub()
      if (!next) return
      const move = aMove(payment, new Date(), step === 2)
      const moved = move.refund
        ? this.#send(String(move.refund._id), 1)
        : this.#send(id, payment.sequence + 1)
      const all = move.refund ? [moved, this.#send(id, payment.sequence + 1)] : [moved]
      const [outcome] = await moveBatch(next.db.collection<Payment>('payments'), [
        { before: payment, move },
      ]).catch(() => [false])
      if (outcome !== true) return
      for (const one of all) one.ackedMs = this.#time.nowMs
      payment = { ...payment, sequence: move.event.sequence, status: move.event.to } as Payment
    }
  }

  #send(transaction: string, sequence: number): Sent {
    const sent: Sent = { transaction, sequence, sentMs: this.#time.nowMs, ackedMs: null }
    this.#sent.push(sent)
    return sent
  }

  // Faults.

  /** A fault happens now, or at a write to one of the collections that matter. */
  #plan(): void {
    if (this.#random.chance(0.3)) return this.#fault(this.#random.pick(this.#hubs).process.name)
    const collection = this.#random.pick([
      'log',
      'log',
      'payments',
      'leases',
      'places',
      'counted',
      'logState',
    ])
    const afterMs = this.#random.next() ** 2 * 20
    const spring = (by: string): void => void this.#time.schedule(afterMs, null, () => this.#fault(by))
    this.#traps.push({ collection, spring })
  }

  /** The process within a MongoDB transaction is cut off for about as long as its lease lasts. */
  #trapOrphan(): void {
    const ms = 800 + this.#orphans.next() * 1400
    const spring = (by: string): void => this.#strike('cut', this.#slotOf(by), ms)
    this.#traps.push({ collection: 'counted', spring })
  }

  #written({ collection, by, before, after }: Write): void {
    // Of a lease, its taking matters.
    if (collection === 'leases' && before?.epoch === after?.epoch) return
    const n = this.#traps.findIndex((trap) => trap.collection === collection)
    if (n >= 0) this.#traps.splice(n, 1)[0]!.spring(by)
  }

  #fault(name: string): void {
    const slot = this.#slotOf(name)
    const { process } = this.#hubs[slot]!
    const ms = 50 + this.#random.next() ** 2 * 6000
    const restMs = faultsMs - this.#time.nowMs
    if (restMs <= 0) return
    const kind = this.#random.pick(faultKinds)
    this.#trace(`${this.#time.nowMs.toFixed(1)} ms: ${kind} ${process.name} for ${Math.round(ms)} ms`)
    this.#faults.push(`${Math.round(this.#time.nowMs)} ms: ${kind} ${process.name} ${Math.round(ms)} ms`)
    this.#strike(kind, slot, Math.min(ms, restMs))
  }

  #slotOf(name: string): number {
    const slot = this.#hubs.findIndex(({ process }) => process.name === name)
    return Math.max(0, slot)
  }

  #strike(kind: (typeof faultKinds)[number], slot: number, ms: number): void {
    const { link, process } = this.#hubs[slot]!
    const endMs = this.#time.nowMs + ms
    if (kind === 'ambush') this.#ambush.isSet = true
    else if (kind === 'kill') this.#kill(slot)
    else if (kind === 'relay') {
      // The process that takes over fails at once.
      this.#kill(slot)
      const spring = (by: string): void => this.#strike('cut', this.#slotOf(by), Math.min(ms, 800))
      this.#traps.push({ collection: 'leases', spring }, { collection: 'leases', spring })
    } else if (kind === 'cut') link.cutUntilMs = endMs
    else if (kind === 'stall') link.stalledUntilMs = endMs
    else if (kind === 'failover') this.#mongo.fail(Math.min(ms, 4000))
    else if (kind === 'oplog') {
      // A sequencer that is not interrupted would not notice.
      this.#mongo.truncateOplog()
      this.#mongo.fail(100)
    } else if (kind === 'lag') {
      this.#mongo.lagMs = 400
      this.#time.schedule(ms, null, () => (this.#mongo.lagMs = this.#lagMs))
    } else if (kind === 'leave') for (const subscriber of this.#subscribers) subscriber.lose(null)
    else if (!process.isPaused) {
      process.isPaused = true
      this.#time.schedule(ms, null, () => this.#time.resume(process))
    }
  }

  #heal(): void {
    this.#mongo.lagMs = 5
    for (const { link } of this.#hubs) link.quality = calm
    this.#traps.length = 0
    this.#ambush.isSet = false
    this.#ambush.release()
  }

  // What must hold.

  /** Checks what a majority has, as it gets it. */
  #committed(change: Change): void {
    const { collection, kind, after, by } = change
    if (collection === 'leases' && after?._id === 'sequencer' && after.epoch !== this.#writer?.epoch) {
      this.#writer = { process: by, epoch: after.epoch as unknown, hasAppended: false }
    }
    if (collection !== 'log') return
    const batch = after as LogBatch | undefined
    if (kind !== 'insert' || !batch) return this.#violation(`the log was changed by ${kind}`)
    if (batch._id !== this.#logEnd + 1n)
      this.#violation(`after position ${this.#logEnd}, the log has ${batch._id}`)
    this.#logEnd = batch.last
    if (this.#writer?.process === by) this.#writer.hasAppended = true
    else if (this.#writer?.hasAppended) {
      this.#violation(`${by} appended to the log beside ${this.#writer.process}`)
    }
  }

  #violation(text: string): void {
    if (this.#violations.length < 10) this.#violations.push(text)
  }

  #log(): LogEntry[] {
    const batches = this.#mongo.documents<LogBatch>('log').toSorted((a, b) => (a._id < b._id ? -1 : 1))
    return batches.flatMap(({ entries }) => entries)
  }

  /** What is not yet where it must be; null when everything is. */
  #missing(): string | null {
    const events = this.#mongo.documents<Payment>('payments').flatMap(eventsOf).length
    const log = this.#log()
    if (log.length < events) return `the log has ${log.length} of ${events} events`
    const behind = this.#mongo
      .documents<{ _id: string; position: bigint }>('places')
      .filter(({ position }) => position < log.length)
    if (behind.length > 0)
      return `the checkpoint of ${behind[0]!._id} is at ${behind[0]!.position} of ${log.length}`
    const late = this.#subscribers.find(({ position }) => position === null || position < log.length)
    return late ? `the subscriber of ${late.wallet} is at ${late.position} of ${log.length}` : null
  }

  #check(): void {
    const missing = this.#missing()
    if (missing !== null) this.#violation(`no progress: ${missing}`)
    const log = this.#log()
    for (const [n, { _id }] of log.entries()) {
      if (_id !== BigInt(n + 1)) return this.#violation(`the entry ${n + 1} of the log has position ${_id}`)
    }
    this.#checkEvents(log)
    this.#checkOrder(log)
    this.#checkProjections(log)
    for (const subscriber of this.#subscribers) {
      const problem = subscriber.check(log)
      if (problem) this.#violation(problem)
    }
  }

  /** The log has each event once, in the order of its transaction. */
  #checkEvents(log: readonly LogEntry[]): void {
    const stored = new Set(this.#mongo.documents<Payment>('payments').flatMap(eventsOf))
    for (const { transaction, sequence, ackedMs } of this.#sent) {
      const key = `${transaction}/${sequence}`
      if (ackedMs !== null && !stored.has(key)) this.#violation(`${key} was acknowledged and is lost`)
    }
    const logged = new Set<string>()
    for (const { _id, transaction, sequence } of log) {
      const key = `${transaction}/${sequence}`
      if (logged.has(key)) this.#violation(`${key} is in the log twice, again at ${_id}`)
      if (!stored.has(key)) this.#violation(`${key} is in the log and not in its payment`)
      if (sequence > 1 && !logged.has(`${transaction}/${sequence - 1}`))
        this.#violation(`${key} is in the log too early`)
      logged.add(key)
    }
    for (const key of stored) if (!logged.has(key)) this.#violation(`${key} is not in the log`)
  }

  /** What was acknowledged before another event was sent is before it in the log. */
  #checkOrder(log: readonly LogEntry[]): void {
    const sent = new Map(this.#sent.map((one) => [`${one.transaction}/${one.sequence}`, one]))
    let last: Sent | null = null
    for (const { transaction, sequence } of log) {
      const one = sent.get(`${transaction}/${sequence}`)
      if (!one) continue
      if (last && one.ackedMs !== null && one.ackedMs < last.sentMs) {
        this.#violation(
          `${transaction}/${sequence}, acknowledged at ${one.ackedMs.toFixed(1)} ms, is in the log after ` +
            `${last.transaction}/${last.sequence}, sent at ${last.sentMs.toFixed(1)} ms`,
        )
      }
      if (!last || one.sentMs > last.sentMs) last = one
    }
  }

  #checkProjections(log: readonly LogEntry[]): void {
    const counted = new Map(this.#mongo.documents<Counted>('counted').map(({ _id, count }) => [_id, count]))
    for (const [wallet, entries] of Map.groupBy(log, ({ payment }) => String(payment.wallet))) {
      const count = counted.get(wallet) ?? 0
      if (count !== entries.length)
        this.#violation(`counted ${count} of ${entries.length} entries of ${wallet}`)
    }
    const marked = this.#mongo.documents<Marked>('marked')
    if (marked.length !== log.length) this.#violation(`marked ${marked.length} of ${log.length} entries`)
  }
}

const eventsOf = ({ _id, events, refunds }: Payment): string[] => [
  ...events.map(({ sequence }) => `${_id}/${sequence}`),
  ...refunds.flatMap((refund) => refund.events.map(({ sequence }) => `${refund._id}/${sequence}`)),
]

interface Counted {
  readonly _id: string
  readonly count: number
}
interface Marked {
  readonly _id: bigint
}

/** Counts entries, so each must be applied once. */
const counting: TransactionalProjection = {
  name: 'counting',
  collections: ['counted'],
  gatherMs: () => 20,
  async apply(entries, session, { collection }) {
    for (const [wallet, { length }] of Map.groupBy(entries, ({ payment }) => String(payment.wallet))) {
      await collection<Counted>('counted').updateOne(
        { _id: wallet },
        { $inc: { count: length } },
        { session, upsert: true },
      )
    }
  },
}

/** Marks entries: applying one again changes nothing. */
const marking: IdempotentProjection = {
  name: 'marking',
  kind: 'idempotent',
  collections: ['marked'],
  gatherMs: () => 20,
  async apply(entries, { collection }) {
    for (const { _id } of entries) {
      await collection<Document & Marked>('marked').updateOne(
        { _id },
        { $set: { isMarked: true } },
        { upsert: true },
      )
    }
  },
}

/** A client that follows the events of one wallet, or of all, and resumes from its last cursor. */
class Subscriber {
  readonly wallet: string | null
  readonly #time: VirtualTime
  readonly #random: Random
  readonly #anyHub: () => Hub | null
  readonly #received: bigint[] = []
  /** The position of the first message: events up to there are none of its own. */
  #startedAt: bigint | null = null
  #position: bigint | null = null
  #connection: {
    readonly process: SimulatedProcess
    readonly stream: AsyncIterator<PositionedEntry>
  } | null = null

  constructor(wallet: string | null, time: VirtualTime, random: Random, anyHub: () => Hub | null) {
    this.wallet = wallet
    this.#time = time
    this.#random = random
    this.#anyHub = anyHub
  }

  /** The position of the last message. */
  get position(): bigint | null {
    return this.#position
  }

  get connectedTo(): string | undefined {
    return this.#connection?.process.name
  }

  connect(): void {
    const hub = this.#anyHub()
    if (!hub) return this.#connectLater()
    this.#time.schedule(1 + this.#random.next() * 5, hub.process, () => void this.#follow(hub))
    // A hub that dies meanwhile gives no answer.
    this.#time.schedule(300, null, () => this.#connection === null && this.#connectLater())
  }

  /** Loses the connection, if it is to `process`, and what is under way on it. */
  lose(process: SimulatedProcess | null): void {
    if (!this.#connection || (process && this.#connection.process !== process)) return
    const { stream } = this.#connection
    this.#connection = null
    void stream.return?.()
    this.#connectLater()
  }

  #connectLater(): void {
    this.#time.schedule(20 + this.#random.next() * 500, null, () => this.#connection ?? this.connect())
  }

  async #follow({ process, logReader, streams }: Hub): Promise<void> {
    if (this.#connection) return
    const { wallet } = this
    const filter = {
      matches: ({ payment }: LogEntry) => wallet === null || payment.wallet === wallet,
      query: {},
    }
    const visibility =
      wallet === null
        ? ({ kind: 'all' } as const)
        : ({ kind: 'own', wallet, acquirer: null, corridors: new Set() } as const)
    const stream = streams!.events(filter, visibility as never, this.#position ?? logReader!.tip())
    const connection = { process, stream }
    this.#connection = connection
    const isSlow = this.#random.chance(0.2)
    try {
      for (;;) {
        const { value, done } = await stream.next()
        if (done) break
        const delivered = Promise.withResolvers<void>()
        this.#time.schedule(isSlow ? 30 : 1, process, delivered.resolve)
        await delivered.promise
        if (this.#connection !== connection) return
        this.#receive(value)
      }
    } catch {
      // The hub ends the connection.
    }
    this.#time.schedule(1, null, () => this.lose(process))
  }

  #receive({ position, value }: PositionedEntry): void {
    this.#startedAt ??= value ? value._id - 1n : position
    this.#position = position
    if (value) this.#received.push(value._id)
  }

  /** Compares what was received with the log. */
  check(log: readonly LogEntry[]): string | null {
    const { wallet } = this
    const own = log.filter(
      ({ _id, payment }) =>
        this.#startedAt !== null && _id > this.#startedAt && (wallet === null || payment.wallet === wallet),
    )
    const wrong = own.findIndex(({ _id }, n) => this.#received[n] !== _id)
    if (wrong < 0 && own.length === this.#received.length) return null
    const n = wrong < 0 ? own.length : wrong
    return `the subscriber of ${wallet} received ${this.#received[n]} where the log has ${own[n]?._id}`
  }
}

function aPayment(id: string, wallet: string, at: Date): Payment {
  const event = { sequence: 1, at, kind: 'SUBMITTED', from: null, to: 'ROUTED', reason: null }
  return {
    _id: id,
    wallet,
    acquirer: 'acquirer',
    createdAt: at,
    updatedAt: at,
    status: 'ROUTED',
    sequence: 1,
    reporting: { minor: 1n },
    events: [event],
    refunds: [],
    keys: [],
  } as unknown as Payment
}

function aMove(payment: Payment, at: Date, isRefund: boolean): Move {
  const sequence = payment.sequence + 1
  const event = {
    sequence,
    at,
    kind: 'APPROVED',
    from: payment.status,
    to: 'COMPLETED',
    reason: null,
    write: `${payment._id}/${sequence}`,
  }
  const refund = { _id: `${payment._id}-r`, reporting: { minor: 1n }, events: [{ ...event, sequence: 1 }] }
  return { event: event as PaymentEvent, set: {}, due: null, ...(isRefund && { refund: refund as never }) }
}
