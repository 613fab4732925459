// Counts calls and their durations by name, for /metrics. A call costs a map look-up and a few additions.

import type { SubgraphConnection, SubgraphResult } from '../supergraph/connection.ts'
import { isPromise } from '../supergraph/waiting.ts'

/** Upper bounds of the histograms of durations, in seconds. */
const bounds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

/** The name that counts for all names after the first `namesMax`. */
const others = 'other'

interface Counts {
  readonly byBound: Float64Array
  seconds: number
  errors: number
}

/** The calls of one kind, by a label of their own. */
export class CallStats {
  readonly #metric: string
  readonly #label: string
  readonly #help: string
  readonly #namesMax: number
  readonly #byName = new Map<string, Counts>()

  /** Names come from clients, so only the first `namesMax` have counts of their own. */
  constructor(metric: string, label: string, help: string, namesMax = 100) {
    this.#metric = metric
    this.#label = label
    this.#help = help
    this.#namesMax = namesMax
  }

  count(name: string, ms: number, hasErrors: boolean): void {
    const counts = this.#byName.get(name) ?? this.#add(name)
    const seconds = ms / 1000
    let n = 0
    while (n < bounds.length && seconds > bounds[n]!) n++
    counts.byBound[n]! += 1
    counts.seconds += seconds
    if (hasErrors) counts.errors++
  }

  #add(name: string): Counts {
    const own = this.#byName.size < this.#namesMax ? name : others
    let counts = this.#byName.get(own)
    if (!counts) {
      counts = { byBound: new Float64Array(bounds.length + 1), seconds: 0, errors: 0 }
      this.#byName.set(own, counts)
    }
    return counts
  }

  /** In Prometheus’ text format. */
  text(): string {
    const seconds = `crossgate_${this.#metric}_seconds`
    const errors = `crossgate_${this.#metric}_errors_total`
    const lines = [
      `# HELP ${seconds} ${this.#help}`,
      `# TYPE ${seconds} histogram`,
      ...[...this.#byName].flatMap(([name, counts]) => this.#histogram(seconds, name, counts)),
      `# HELP ${errors} Those whose response had errors.`,
      `# TYPE ${errors} counter`,
      ...[...this.#byName].map(([name, counts]) => `${errors}{${this.#label}="${name}"} ${counts.errors}`),
    ]
    return `${lines.join('\n')}\n`
  }

  #histogram(metric: string, name: string, { byBound, seconds }: Counts): string[] {
    const label = `${this.#label}="${name}"`
    let sum = 0
    const buckets = [...bounds, '+Inf'].map((bound, n) => {
      sum += byBound[n]!
      return `${metric}_bucket{${label},le="${bound}"} ${sum}`
    })
    return [...buckets, `${metric}_sum{${label}} ${seconds}`, `${metric}_count{${label}} ${sum}`]
  }
}

/** The connection, whose calls are counted under the name of its subgraph. */
export function counted(connection: SubgraphConnection, stats: CallStats): SubgraphConnection {
  const { name } = connection
  return {
    name,
    prepare(document, operationName) {
      const operation = connection.prepare(document, operationName)
      return {
        ...operation,
        execute(variables, context) {
          const startedAt = performance.now()
          const countCall = (result: SubgraphResult): SubgraphResult => {
            stats.count(name, performance.now() - startedAt, (result.errors?.length ?? 0) > 0)
            return result
          }
          const result = operation.execute(variables, context)
          return isPromise(result) ? result.then(countCall) : countCall(result)
        },
      }
    },
  }
}
