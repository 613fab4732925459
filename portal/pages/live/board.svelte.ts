// The figures of the live board. Every event is counted; what is drawn is a sample.

import type { LiveEvent } from './documents.ts'

const minuteMs = 60_000
const rowsMax = 200
const pendingMax = 20_000
const latenciesMax = 500
/** The most arcs that are handed to the map in one flush. */
const arcsMax = 12
/** The least time between two flushes. */
const flushMs = 150
/** A flush takes at most a quarter of the time of the page: the rest is for what its viewer does. */
const restPerWork = 3
/** A page in the background draws no frames: it rests for this long. */
const hiddenMs = 1_000

interface Lane {
  readonly corridor: string
  payments: number
  approved: number
  refused: number
  /** CNY. */
  value: number
  readonly latencies: number[]
}

export interface LaneRow {
  readonly corridor: string
  readonly payments: number
  /** 0–1; null before the first result. */
  readonly approval: number | null
  readonly value: number
  readonly p95Ms: number | null
}

export interface Figures {
  readonly events: number
  readonly payments: number
  readonly approved: number
  readonly refused: number
  /** CNY. */
  readonly value: number
  /** Of the last minute. */
  readonly eventsPerSecond: number
  readonly paymentsPerSecond: number
  readonly p95Ms: number | null
  readonly drawn: number
  readonly lanes: readonly LaneRow[]
}

const none: Figures = {
  events: 0,
  payments: 0,
  approved: 0,
  refused: 0,
  value: 0,
  eventsPerSecond: 0,
  paymentsPerSecond: 0,
  p95Ms: null,
  drawn: 0,
  lanes: [],
}

export class Board {
  figures = $state.raw<Figures>(none)
  /** Newest first. */
  rows = $state.raw<readonly LiveEvent[]>([])
  /** Rows that arrived while the ticker was paused. */
  waiting = $state(0)
  paused = $state(false)
  readonly openedAt = Date.now()

  readonly #lanes = new Map<string, Lane>()
  /** When each pending payment was submitted. */
  readonly #submitted = new Map<string, number>()
  #fresh: LiveEvent[] = []
  /** Events since the last flush: more than `#fresh` holds when they are many. */
  #arrived = 0
  #counts = { events: 0, payments: 0, approved: 0, refused: 0, value: 0, drawn: 0 }
  /** Events and payments of each second, of the last minute. */
  readonly #seconds: { second: number; events: number; payments: number }[] = []
  readonly #latencies: number[] = []
  readonly #draw: (event: LiveEvent) => void
  #timer: ReturnType<typeof setTimeout>
  #isClosed = false

  constructor(draw: (event: LiveEvent) => void) {
    this.#draw = draw
    this.#timer = setTimeout(() => this.#flush(), flushMs)
  }

  close(): void {
    this.#isClosed = true
    clearTimeout(this.#timer)
  }

  receive(event: LiveEvent): void {
    this.#count(event)
    this.#arrived += 1
    this.#fresh.push(event)
    // Older ones of one flush would never be seen: the ticker has fewer rows.
    if (this.#fresh.length > 2 * rowsMax) this.#fresh = this.#fresh.slice(-rowsMax)
  }

  resume(): void {
    this.paused = false
    this.waiting = 0
  }

  #count({ kind, to, from, at, transaction }: LiveEvent): void {
    const counts = this.#counts
    counts.events += 1
    const second = Math.floor(Date.now() / 1000)
    let now = this.#seconds.at(-1)
    if (now?.second !== second) this.#seconds.push((now = { second, events: 0, payments: 0 }))
    now.events += 1
    if (transaction.kind !== 'PAYMENT') return
    const lane = this.#laneOf(transaction.corridor.id)
    if (kind === 'SUBMITTED') {
      now.payments += 1
      counts.payments += 1
      lane.payments += 1
      this.#submitted.set(transaction.id, Date.parse(at))
      if (this.#submitted.size > pendingMax) this.#submitted.delete(this.#submitted.keys().next().value!)
    } else if (to === 'COMPLETED' && from !== 'COMPLETED') {
      const value = Number(transaction.reportingValue.amount)
      counts.approved += 1
      counts.value += value
      lane.approved += 1
      lane.value += value
      this.#measure(lane, transaction.id, at)
    } else if (from !== to && (to === 'DECLINED' || to === 'FAILED' || to === 'EXPIRED')) {
      counts.refused += 1
      lane.refused += 1
      this.#measure(lane, transaction.id, at)
    }
  }

  #measure(lane: Lane, id: string, at: string): void {
    const submitted = this.#submitted.get(id)
    if (submitted === undefined) return
    this.#submitted.delete(id)
    for (const list of [lane.latencies, this.#latencies]) {
      list.push(Date.parse(at) - submitted)
      if (list.length > latenciesMax) list.shift()
    }
  }

  #laneOf(corridor: string): Lane {
    let lane = this.#lanes.get(corridor)
    if (!lane) {
      lane = { corridor, payments: 0, approved: 0, refused: 0, value: 0, latencies: [] }
      this.#lanes.set(corridor, lane)
    }
    return lane
  }

  /** Flushes, and again once the page has drawn it and had time for other work. */
  #flush(): void {
    const startedAt = performance.now()
    const rest = () => {
      clearTimeout(this.#timer)
      if (this.#isClosed) return
      const tookMs = performance.now() - startedAt
      this.#timer = setTimeout(() => this.#flush(), Math.max(flushMs, restPerWork * tookMs))
    }
    this.#timer = setTimeout(rest, hiddenMs)
    requestAnimationFrame(() => setTimeout(rest))
    this.#show()
  }

  #show(): void {
    const fresh = this.#fresh
    const arrived = this.#arrived
    this.#fresh = []
    this.#arrived = 0
    const starts = fresh.filter(({ kind }) => kind === 'SUBMITTED')
    const every = Math.max(1, Math.ceil(starts.length / arcsMax))
    starts.forEach((event, n) => {
      if (n % every !== 0) return
      this.#counts.drawn += 1
      this.#draw(event)
    })
    if (this.paused) this.waiting += arrived
    else if (fresh.length) this.rows = [...fresh.toReversed(), ...this.rows].slice(0, rowsMax)
    this.#publish()
  }

  #publish(): void {
    const oldest = Math.floor((Date.now() - minuteMs) / 1000)
    while (this.#seconds[0] && this.#seconds[0].second <= oldest) this.#seconds.shift()
    const span = Math.max(1, Math.min(60, (Date.now() - this.openedAt) / 1000))
    const sum = (of: 'events' | 'payments') => this.#seconds.reduce((all, each) => all + each[of], 0) / span
    this.figures = {
      ...this.#counts,
      eventsPerSecond: sum('events'),
      paymentsPerSecond: sum('payments'),
      p95Ms: p95(this.#latencies),
      // A corridor whose payments were all submitted earlier has nothing to compare yet.
      lanes: [...this.#lanes.values()]
        .filter(({ payments }) => payments > 0)
        .toSorted((a, b) => b.payments - a.payments || (a.corridor < b.corridor ? -1 : 1))
        .slice(0, 12)
        .map(({ corridor, payments, approved, refused, value, latencies }) => ({
          corridor,
          payments,
          approval: approved + refused > 0 ? approved / (approved + refused) : null,
          value,
          p95Ms: p95(latencies),
        })),
    }
  }
}

function p95(values: readonly number[]): number | null {
  if (values.length === 0) return null
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * 0.95))]!
}
