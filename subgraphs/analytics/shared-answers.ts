// Answers to equal questions of many clients. At full size, the next request comes before an answer is
// computed.

import { canonicalJson } from '../platform/canonical-json.ts'
import type { ActivityAnswer, Question } from './activity.ts'

/** Results of one question, of all log entries up to `position`, by the name of the result. */
interface Shared {
  readonly position: bigint
  readonly results: Map<string, Promise<unknown>>
}

const questionsMax = 500

export class SharedAnswers {
  readonly #byQuestion = new Map<string, Shared>()

  /**
   * The answer, each of whose results is computed once while the log is counted up to `position`. A result
   * that fails is computed again by the next call, with the time of its own operation.
   */
  share(question: Question, position: bigint, own: ActivityAnswer): ActivityAnswer {
    // A list reads one result of each of a hundred answers, or none.
    let shared: Shared | null = null
    const once = async <Result>(name: string, compute: () => Promise<Result>): Promise<Result> => {
      const { results } = (shared ??= this.#of(canonicalJson(question), position))
      for (let known = results.get(name); known; known = results.get(name)) {
        try {
          return (await known) as Result
        } catch {
          // Its operation had used up its time, or its client has gone.
        }
      }
      const computed = compute()
      results.set(name, computed)
      try {
        return await computed
      } catch (error) {
        results.delete(name)
        throw error
      }
    }
    return {
      totals: () => once('totals', own.totals),
      authorizeMs: () => once('authorizeMs', own.authorizeMs),
      series: (starts) => once(`series ${starts.join()}`, () => own.series(starts)),
      breakdown: (by) => once(`breakdown ${by}`, () => own.breakdown(by)),
      details: (by) => once(`details ${by}`, () => own.details(by)),
    }
  }

  #of(question: string, position: bigint): Shared {
    const known = this.#byQuestion.get(question)
    if (known?.position === position) return known
    if (this.#byQuestion.size >= questionsMax) this.#byQuestion.clear()
    const shared = { position, results: new Map<string, Promise<unknown>>() }
    this.#byQuestion.set(question, shared)
    return shared
  }
}
