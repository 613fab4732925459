// What each caller may spend: the interface between the transports, which charge, and the budgets.

import { LoopTime } from '../../subgraphs/platform/async/loop-time.ts'
import type { Viewer } from '../../subgraphs/shared/viewer.ts'

/** What is left of the budget that limits a caller most. */
export interface Allowance {
  readonly isGranted: boolean
  /** Of one minute. */
  readonly limit: number
  readonly remaining: number
  /** Until the operation is granted, or the budget is full. */
  readonly waitMs: number
}

export interface CallerLimits {
  /**
   * Begins an operation of `viewer`, or of a client without a key at `address`. What the operation takes of
   * the event loop is taken from the share of its caller. Throws BUDGET_EXCEEDED while nothing is left of it.
   */
  begin(viewer: Viewer | null, address: string): LoopTime
  /**
   * Charges `viewer` for an operation; gives what is left, or null when nothing limits the viewer.
   * `address` is the client’s, and limits a client without a key, whose viewer is null. Throws
   * BUDGET_EXCEEDED.
   */
  charge(viewer: Viewer | null, address: string, cost: number): Allowance | null
}

/** No caller is limited. */
export const unlimited: CallerLimits = { begin: () => new LoopTime(Infinity), charge: () => null }
