// Limits what each caller may spend in a minute: a participant over all its keys and hubs, each of its
// keys, and an address from which no key has come.

import type { Viewer } from '../../subgraphs/shared/viewer.ts'
import type { CallerLimits } from '../protocol/caller-limits.ts'
import { HttpError } from '../protocol/http-error.ts'
import type { Budgets, Caller } from './shared-budgets.ts'

/** What each may spend in a minute; null for any amount. */
export interface CallerLimitsOptions {
  readonly participantPerMinute: number | null
  readonly keyPerMinute: number | null
  readonly unknownPerMinute: number | null
}

export function createCallerLimits(budgets: Budgets, options: CallerLimitsOptions): CallerLimits {
  const { participantPerMinute, keyPerMinute, unknownPerMinute } = options
  /** By viewer, which is the same object for all requests of a key. */
  const callersOf = new WeakMap<Viewer, readonly Caller[]>()
  const limited = (name: string, perMinute: number | null, isShared: boolean): readonly Caller[] =>
    perMinute === null ? [] : [{ name, perMinute, isShared }]
  const ofViewer = (viewer: Viewer): readonly Caller[] => {
    let callers = callersOf.get(viewer)
    if (!callers) {
      callers = [
        ...limited(`participant ${viewer.participant}`, participantPerMinute, true),
        ...limited(`key ${JSON.stringify([viewer.participant, viewer.key])}`, keyPerMinute, true),
      ]
      callersOf.set(viewer, callers)
    }
    return callers
  }
  return {
    charge(viewer, address, cost) {
      const callers =
        viewer && viewer.participant !== ''
          ? ofViewer(viewer)
          : limited(`address ${address}`, unknownPerMinute, false)
      if (callers.length === 0) return null
      const allowance = budgets.charge(callers, Math.max(1, cost))
      if (allowance.isGranted) return allowance
      const { limit, remaining, waitMs } = allowance
      throw new HttpError('BUDGET_EXCEEDED', undefined, { cost, limit, remaining, retryAfterMs: waitMs })
    },
  }
}
