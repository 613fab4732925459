// Counts calls and their durations by name, for /metrics. A call costs a map look-up and a few additions.

import { tracing } from '../../subgraphs/platform/tracing.ts'
import type { SubgraphConnection, SubgraphResult } from '../supergraph/connection.ts'
import { isPromise } from '../supergraph/waiting.ts'
import { Histogram, labelText } from './histogram.ts'
import { traceFetch } from './spans.ts'

/** The name that counts for all other names. */
export const others = 'other'

/** The calls of one kind, by a label of their own. */
export class CallStats {
  readonly #metric: string
  readonly #label: string
  readonly #namesMax: number
  readonly #durations: Histogram
  /** How many of the calls had errors, by name. */
  readonly #errors = new Map<string, number>()
  #known: ReadonlySet<string> | null = null

  /** Names come from clients, so only the first `namesMax` have counts of their own. */
  constructor(metric: string, label: string, help: string, namesMax = 100) {
    this.#metric = metric
    this.#label = label
    this.#namesMax = namesMax
    this.#durations = new Histogram(`crossgate_${metric}_seconds`, help)
  }

  /** Gives counts of their own to these names alone. */
  countOnly(names: ReadonlySet<string>): void {
    this.#known = names
  }

  count(name: string, ms: number, hasErrors: boolean): void {
    const errors = this.#errors
    const own = errors.has(name) || this.#mayHaveCounts(name) ? name : others
    errors.set(own, (errors.get(own) ?? 0) + Number(hasErrors))
    this.#durations.observe(own, ms / 1000, () => ({ [this.#label]: own }))
  }

  #mayHaveCounts(name: string): boolean {
    return this.#known ? this.#known.has(name) : this.#errors.size < this.#namesMax
  }

  /** In Prometheus’ text format. */
  text(): string {
    const errors = `crossgate_${this.#metric}_errors_total`
    const lines = [
      `# HELP ${errors} Those whose response had errors.`,
      `# TYPE ${errors} counter`,
      ...[...this.#errors].map(([name, count]) => `${errors}${labelText({ [this.#label]: name })} ${count}`),
      '',
    ]
    return this.#durations.text() + lines.join('\n')
  }
}

/** The connection, whose calls are counted under the name of its subgraph, and traced. */
export function counted<Connection extends SubgraphConnection>(
  connection: Connection,
  stats: CallStats,
): Connection {
  const { name } = connection
  return {
    ...connection,
    prepare(document, operationName) {
      const operation = connection.prepare(document, operationName)
      // Only the calls of another process end by themselves.
      const isRemote = operation.endsByDeadline === true
      return {
        ...operation,
        execute(variables, context) {
          const startedAt = performance.now()
          const countCall = (result: SubgraphResult): SubgraphResult => {
            stats.count(name, performance.now() - startedAt, (result.errors?.length ?? 0) > 0)
            return result
          }
          const result = tracing
            ? traceFetch(tracing, { subgraph: name, operationName, variables, isRemote }, () =>
                operation.execute(variables, context),
              )
            : operation.execute(variables, context)
          return isPromise(result) ? result.then(countCall) : countCall(result)
        },
      }
    },
  }
}
