// Limits what each caller may spend in a minute: a participant over all its keys and hubs, each of its
// keys, and an address from which no key has come. Limits also for how long each holds the event loop of this
// hub: one operation, and all operations of a participant or an address together.

import { LoopTime } from '../../subgraphs/platform/async/loop-time.ts'
import type { Viewer } from '../../subgraphs/shared/viewer.ts'
import type { CallerLimits } from '../protocol/caller-limits.ts'
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

interface ViewerCallers {
  readonly costs: readonly Caller[]
  readonly loop: Caller | null
}

/** The share of the event loop is of each second, so a caller never holds it for longer. */
const shareOfMs = 1_000

export function createCallerLimits(budgets: Budgets, options: CallerLimitsOptions): CallerLimits {
  const { participantPerMinute, keyPerMinute, unknownPerMinute, loopShare, operationLoopMs } = options
  /** By viewer, which is the same object for all requests of a key. */
  const callersOf = new WeakMap<Viewer, ViewerCallers>()
  const limited = (name: string, perMinute: number | null, isShared: boolean): readonly Caller[] =>
    perMinute === null ? [] : [{ name, perMinute, isShared }]
  const loopOf = (name: string): Caller | null =>
    loopShare === null
      ? null
      : { name: `loop ${name}`, perMinute: loopShare * 60_000, holdsMs: shareOfMs, isShared: false }
  const ofViewer = (viewer: Viewer): ViewerCallers => {
    let callers = callersOf.get(viewer)
    if (!callers) {
      const { participant, key } = viewer
      const costs = [
        ...limited(`participant ${participant}`, participantPerMinute, true),
        ...limited(`key ${JSON.stringify([participant, key])}`, keyPerMinute, true),
      ]
      callersOf.set(viewer, (callers = { costs, loop: loopOf(`participant ${participant}`) }))
    }
    return callers
  }
  const isKnown = (viewer: Viewer | null): viewer is Viewer => viewer !== null && viewer.participant !== ''
  return {
    begin(viewer, address) {
      const loop = isKnown(viewer) ? ofViewer(viewer).loop : loopOf(`address ${address}`)
      if (!loop) return new LoopTime(operationLoopMs)
      // What it will take is not known yet: a caller is put off when it has nothing left.
      const waitMs = budgets.waitMs(loop)
      if (waitMs === 0) return new LoopTime(operationLoopMs, (ms) => budgets.take(loop, ms))
      const limit = loopShare! * shareOfMs
      const message = `The caller has had its share of the hub: ${limit} ms of a second. Wait for \`retryAfterMs\`.`
      throw new HttpError('BUDGET_EXCEEDED', message, { limit, remaining: 0, retryAfterMs: waitMs })
    },
    charge(viewer, address, cost) {
      const callers = isKnown(viewer)
        ? ofViewer(viewer).costs
        : limited(`address ${address}`, unknownPerMinute, false)
      if (callers.length === 0) return null
      const allowance = budgets.charge(callers, Math.max(1, cost))
      if (allowance.isGranted) return allowance
      const { limit, remaining, waitMs } = allowance
      throw new HttpError('BUDGET_EXCEEDED', undefined, { cost, limit, remaining, retryAfterMs: waitMs })
    },
  }
}
