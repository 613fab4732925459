// Limits what each caller may spend in a minute: a participant over all its keys and hubs, each of its
// keys, and an address from which no key has come. Limits also for how long each holds the event loop of this
// hub: one operation, and all operations of a participant or an address together. What is refused counts for
// more, because only bad callers are refused often.

import { LoopTime } from '../../subgraphs/platform/async/loop-time.ts'
import type { Viewer } from '../../subgraphs/shared/viewer.ts'
import type { Allowance, CallerLimits } from '../protocol/caller-limits.ts'
import { HttpError } from '../protocol/http-error.ts'
import type { Budgets, Caller } from './shared-budgets.ts'

/** What each may spend in a minute; null for any amount. */
export interface CallerLimitsOptions {
  readonly participantPerMinute: number | null
  readonly keyPerMinute: number | null
  readonly unknownPerMinute: number | null
  /** The most of the event loop that one caller may take, such as 0.5 for half of it; null for all of it. */
  readonly loopShare: number | null
  /** The most milliseconds for which one operation may hold the event loop. */
  readonly operationLoopMs: number
}

/** Whose budgets an operation is charged to. */
interface Charged {
  readonly costs: readonly Caller[]
  readonly loop: Caller | null
  /** Takes milliseconds of the share of the loop; null where that is not limited. */
  readonly take: ((ms: number) => void) | null
}

/** The share of the event loop is of each second, so a caller never holds it for longer. */
const shareOfMs = 1_000
/** What the time of an operation that is refused takes of the share, as a multiple of that of others. */
const refusedWeight = 10
/** What every operation costs at least: a caller with less is refused before its operation is read. */
const costMin = 1

export function createCallerLimits(budgets: Budgets, options: CallerLimitsOptions): CallerLimits {
  const { participantPerMinute, keyPerMinute, unknownPerMinute, loopShare, operationLoopMs } = options
  /** By viewer, which is the same object for all requests of a key. */
  const chargedOf = new WeakMap<Viewer, Charged>()
  const limited = (name: string, perMinute: number | null, isShared: boolean): readonly Caller[] =>
    perMinute === null ? [] : [{ name, perMinute, isShared }]
  const loopOf = (name: string): Caller | null =>
    loopShare === null
      ? null
      : { name: `loop ${name}`, perMinute: loopShare * 60_000, holdsMs: shareOfMs, isShared: false }
  const charged = (costs: readonly Caller[], name: string): Charged => {
    const loop = loopOf(name)
    return { costs, loop, take: loop && ((ms) => budgets.take(loop, ms)) }
  }
  const ofViewer = (viewer: Viewer): Charged => {
    let known = chargedOf.get(viewer)
    if (!known) {
      const { participant, key } = viewer
      const costs = [
        ...limited(`participant ${participant}`, participantPerMinute, true),
        ...limited(`key ${JSON.stringify([participant, key])}`, keyPerMinute, true),
      ]
      chargedOf.set(viewer, (known = charged(costs, `participant ${participant}`)))
    }
    return known
  }
  const ofAddress = (address: string): Charged =>
    charged(limited(`address ${address}`, unknownPerMinute, false), `address ${address}`)
  const of = (viewer: Viewer | null, address: string): Charged =>
    viewer === null || viewer.participant === '' ? ofAddress(address) : ofViewer(viewer)
  return {
    begin(viewer, address) {
      const { costs, loop, take } = of(viewer, address)
      const nowMs = budgets.nowMs()
      const short = budgets.shortOf(costs, costMin, nowMs)
      if (short) throw exceeded(short)
      if (!loop) return new LoopTime(operationLoopMs)
      // What it will take is not known yet: a caller is put off when it has nothing left.
      const waitMs = budgets.waitMs(loop, nowMs)
      if (waitMs === 0) return new LoopTime(operationLoopMs, take, refusedWeight)
      const limit = loopShare! * shareOfMs
      const message = `The caller has had its share of the hub: ${limit} ms of a second. Wait for \`retryAfterMs\`.`
      throw new HttpError('BUDGET_EXCEEDED', message, { limit, remaining: 0, retryAfterMs: waitMs })
    },
    charge(viewer, address, cost) {
      const { costs } = of(viewer, address)
      if (costs.length === 0) return null
      const allowance = budgets.charge(costs, Math.max(costMin, cost))
      if (!allowance.isGranted) throw exceeded(allowance, { cost })
      return allowance
    },
  }
}

const exceeded = ({ limit, remaining, waitMs }: Allowance, details: { readonly cost?: number } = {}) =>
  new HttpError('BUDGET_EXCEEDED', undefined, { ...details, limit, remaining, retryAfterMs: waitMs })
