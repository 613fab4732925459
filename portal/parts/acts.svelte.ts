// What a form sends: one mutation at a time, and the problem that the hub answered with.

import { ApiError } from '../api/client.ts'

/** A member of a result union: a problem has a code and a message. */
interface Result {
  readonly __typename: string
  readonly code?: string
  readonly message?: string
}

export interface Act {
  readonly isBusy: boolean
  readonly problem: { readonly code: string; readonly message: string } | null
  /** Runs a mutation. Returns its result, or null when the hub refused it or was not reached. */
  run<Done extends Result>(send: () => Promise<Done>): Promise<Done | null>
  /** Drops the problem of an earlier form. */
  clear(): void
}

export function createAct(): Act {
  let isBusy = $state(false)
  let problem = $state.raw<Act['problem']>(null)
  return {
    get isBusy() {
      return isBusy
    },
    get problem() {
      return problem
    },
    clear: () => (problem = null),
    async run(send) {
      isBusy = true
      problem = null
      try {
        const result = await send()
        if (result.message === undefined) return result
        problem = { code: result.code ?? result.__typename, message: result.message }
      } catch (cause) {
        if (!(cause instanceof ApiError)) throw cause
        problem = cause
      } finally {
        isBusy = false
      }
      return null
    },
  }
}
