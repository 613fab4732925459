// Answers to equal questions of many clients. At full size, the next request comes before an answer is
// computed.

import { sharedResult } from '../platform/async/shared-result.ts'
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
    // Found when the first result is read: a list reads one result of a hundred answers, or none.
    let shared: Shared | null = null
    const once = <Result>(name: string, compute: () => Promise<Result>): Promise<Result> => {
      shared ??= this.#of(canonicalJson(question), position)
      return sharedResult(shared.results, name, compute)
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
