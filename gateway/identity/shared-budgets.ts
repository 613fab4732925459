// The budgets of callers, shared by all hubs of a database. Each hub charges in memory, so no request waits
// for the database: twice a second it adds what it has charged to the shared budgets, and takes over what
// they then hold.

import type { AnyBulkWriteOperation, Collection, Db } from 'mongodb'
import type { Logger } from '../../subgraphs/platform/logger.ts'
import type { Allowance } from '../protocol/caller-limits.ts'
import { Budget } from './budget.ts'

export interface Budgets {
  /**
   * Charges every one of `callers`, or none. `perMinute` gives the size of a budget when it is first used.
   */
  charge(callers: readonly Caller[], cost: number): Allowance
  /** What `charge` would give when it would charge none; null when it would charge every one. */
  shortOf(callers: readonly Caller[], cost: number, nowMs?: number): Allowance | null
  /** Takes `cost` of a budget, also when there is less. */
  take(caller: Caller, cost: number): void
  /** Milliseconds until a budget has anything left; 0 when it has. */
  waitMs(caller: Caller, nowMs?: number): number
  /** What `nowMs` is when it is left out. */
  nowMs(): number
  /** Callers whose budget may be less than full. */
  readonly size: number
  close(): Promise<void>
}

export interface Caller {
  /** Such as "participant wallet-sg-01" or "key till 7". */
  readonly name: string
  readonly perMinute: number
  /** The budget holds what this long gives; left out, a minute. */
  readonly holdsMs?: number
  /** False: the budget is of this hub alone. */
  readonly isShared: boolean
}

/** A document of the collection `budgets`. MongoDB deletes it some minutes after its last change. */
interface SharedBudget {
  readonly _id: string
  readonly remaining: number
  readonly at: Date
}

interface Entry {
  readonly caller: Caller
  readonly budget: Budget
  /** Charged and not yet shared. */
  unshared: number
  usedAtMs: number
}

const shareEveryMs = 400
/** A budget that has not been used for this long is full again. */
const forgottenMs = 60_000
/** Callers that are kept, at most: addresses are many. */
const entriesMax = 100_000
const expiresSeconds = 300

export interface BudgetsOptions {
  /** Null: the budgets are of this hub alone. */
  readonly db: Db | null
  readonly logger: Pick<Logger, 'warn'>
  /** Milliseconds that only grow. */
  readonly clock?: () => number
}

export async function openBudgets({
  db,
  logger,
  clock = () => performance.now(),
}: BudgetsOptions): Promise<Budgets> {
  const entries = new Map<string, Entry>()
  const stored = db?.collection<SharedBudget>('budgets') ?? null
  await stored?.createIndex({ at: 1 }, { name: 'expiry', expireAfterSeconds: expiresSeconds })
  let isClosed = false
  let sharing: Promise<void> = Promise.resolve()
  let timer: NodeJS.Timeout
  const shareSoon = (): void => {
    timer = setTimeout(() => {
      sharing = share(stored, entries, clock)
        .catch((error: unknown) =>
          logger.warn({ err: error }, 'the budgets of callers could not be shared; trying again'),
        )
        .finally(() => isClosed || shareSoon())
    }, shareEveryMs).unref()
  }
  shareSoon()
  const shortOf = (callers: readonly Caller[], cost: number, nowMs: number): Allowance | null => {
    let short: Entry | null = null
    for (const caller of callers) {
      const entry = entryOf(entries, caller, nowMs)
      if (entry.budget.remainingAt(nowMs) >= cost) continue
      if (!short || entry.budget.waitMs(cost, nowMs) > short.budget.waitMs(cost, nowMs)) short = entry
    }
    return short && allowanceOf(short, cost, nowMs, false)
  }

  return {
    get size() {
      return entries.size
    },
    charge(callers, cost) {
      const nowMs = clock()
      const short = shortOf(callers, cost, nowMs)
      if (short) return short
      let least: Entry | null = null
      let lowest = Infinity
      for (const caller of callers) {
        const entry = entryOf(entries, caller, nowMs)
        entry.budget.spend(cost, nowMs)
        if (stored && caller.isShared) entry.unshared += cost
        const left = entry.budget.remainingAt(nowMs) / caller.perMinute
        if (left >= lowest) continue
        least = entry
        lowest = left
      }
      return allowanceOf(least!, Infinity, nowMs, true)
    },
    shortOf: (callers, cost, nowMs = clock()) => shortOf(callers, cost, nowMs),
    take(caller, cost) {
      const nowMs = clock()
      const entry = entryOf(entries, caller, nowMs)
      entry.budget.set(entry.budget.remainingAt(nowMs) - cost, nowMs)
      if (stored && caller.isShared) entry.unshared += cost
    },
    nowMs: clock,
    waitMs(caller, nowMs = clock()) {
      const { budget } = entryOf(entries, caller, nowMs)
      return budget.remainingAt(nowMs) > 0 ? 0 : budget.waitMs(1, nowMs)
    },
    async close() {
      isClosed = true
      clearTimeout(timer)
      await sharing
    },
  }
}

const allowanceOf = (
  { budget, caller }: Entry,
  cost: number,
  nowMs: number,
  isGranted: boolean,
): Allowance => ({
  isGranted,
  limit: caller.perMinute,
  remaining: Math.max(0, Math.floor(budget.remainingAt(nowMs))),
  waitMs: budget.waitMs(cost, nowMs),
})

function entryOf(entries: Map<string, Entry>, caller: Caller, nowMs: number): Entry {
  let entry = entries.get(caller.name)
  if (!entry) {
    if (entries.size >= entriesMax) entries.delete(entries.keys().next().value!)
    entry = {
      caller,
      budget: new Budget(caller.perMinute, nowMs, caller.holdsMs),
      unshared: 0,
      usedAtMs: nowMs,
    }
    entries.set(caller.name, entry)
  }
  entry.usedAtMs = nowMs
  return entry
}

/** Adds what was charged to the shared budgets, and takes over what they hold. */
async function share(
  stored: Collection<SharedBudget> | null,
  entries: Map<string, Entry>,
  clock: () => number,
): Promise<void> {
  const nowMs = clock()
  for (const [name, { usedAtMs, unshared }] of entries)
    if (nowMs - usedAtMs > forgottenMs && unshared === 0) entries.delete(name)
  const active = [...entries.values()].filter(({ caller }) => caller.isShared)
  if (!stored || active.length === 0) return

  const charged = active.flatMap((entry) => (entry.unshared > 0 ? [{ entry, cost: entry.unshared }] : []))
  if (charged.length > 0) {
    await stored.bulkWrite(
      charged.map(({ entry, cost }) => chargeOf(entry.caller, cost)),
      { ordered: false },
    )
    for (const { entry, cost } of charged) entry.unshared -= cost
  }
  const found = await stored.find({ _id: { $in: active.map(({ caller }) => caller.name) } }).toArray()
  const takenAtMs = clock()
  for (const { _id, remaining } of found) {
    const entry = entries.get(_id)
    // What was charged during the call is not in the shared budget yet.
    entry?.budget.set(remaining - entry.unshared, takenAtMs)
  }
}

/** The refill since the last change and the charge, by the clock of MongoDB, which all hubs share. */
function chargeOf({ name, perMinute }: Caller, cost: number): AnyBulkWriteOperation<SharedBudget> {
  const elapsedMs = { $subtract: ['$$NOW', { $ifNull: ['$at', '$$NOW'] }] }
  const refilled = {
    $add: [{ $ifNull: ['$remaining', perMinute] }, { $multiply: [elapsedMs, perMinute / forgottenMs] }],
  }
  const remaining = { $subtract: [{ $min: [perMinute, refilled] }, cost] }
  return {
    updateOne: { filter: { _id: name }, update: [{ $set: { remaining, at: '$$NOW' } }], upsert: true },
  }
}
