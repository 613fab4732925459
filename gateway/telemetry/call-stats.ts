// Counts calls and their durations by name, for /metrics. A call costs a map look-up and a few additions.

import { tracing } from '../../subgraphs/platform/tracing.ts'
import type { SubgraphConnection, SubgraphResult } from '../supergraph/connection.ts'
import { isPromise } from '../supergraph/waiting.ts'
import { Histogram, labelText, type Durations } from './histogram.ts'
import { traceFetch } from './spans.ts'

/** The name that counts for all other names. */
export const others = 'other'

interface Counts {
  readonly durations: Durations
  errors: number
  ignoredTraces: number
}

/** The calls of one kind, by a label of their own. */
export class CallStats {
  readonly #metric: string
  readonly #label: string
  readonly #namesMax: number
  readonly #durations: Histogram
  readonly #byName = new Map<string, Counts>()
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
    const counts = this.#byName.get(name) ?? this.#add(name)
    counts.durations.count(ms / 1000)
    if (hasErrors) counts.errors++
  }

  /** Counts an answer with a trace of its resolvers that could not be read. */
  countIgnoredTrace(name: string): void {
    const counts = this.#byName.get(name) ?? this.#add(name)
    counts.ignoredTraces++
  }

  #add(name: string): Counts {
    const isKnown = this.#known ? this.#known.has(name) : this.#byName.size < this.#namesMax
    const own = isKnown ? name : others
    let counts = this.#byName.get(own)
    if (!counts) {
      counts = { durations: this.#durations.add({ [this.#label]: own }), errors: 0, ignoredTraces: 0 }
      this.#byName.set(own, counts)
    }
    return counts
  }

  /** In Prometheus’ text format. */
  text(): string {
    return [
      this.#durations.text(),
      this.#counter('errors', 'Those whose response had errors.', ({ errors }) => errors),
      ...(this.#metric === 'subgraph'
        ? [this.#counter('traces_ignored', ignoredHelp, ({ ignoredTraces }) => ignoredTraces)]
        : []),
    ].join('')
  }

  #counter(what: string, help: string, valueOf: (counts: Counts) => number): string {
    const metric = `crossgate_${this.#metric}_${what}_total`
    const lines = [...this.#byName].map(
      ([name, counts]) => `${metric}${labelText({ [this.#label]: name })} ${valueOf(counts)}`,
    )
    return [`# HELP ${metric} ${help}`, `# TYPE ${metric} counter`, ...lines, ''].join('\n')
  }
}

const ignoredHelp = 'Those whose trace of resolvers, `extensions.ftv1`, could not be read.'

/** The connection, whose calls are counted under the name of its subgraph, and traced. */
export function counted<Connection extends SubgraphConnection>(
  connection: Connection,
  stats: CallStats,
): Connection {
  const { name } = connection
  const ignoredTrace = (): void => stats.countIgnoredTrace(name)
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
            ? traceFetch(tracing, { subgraph: name, operationName, variables, isRemote, ignoredTrace }, () =>
                operation.execute(variables, context),
              )
            : operation.execute(variables, context)
          return isPromise(result) ? result.then(countCall) : countCall(result)
        },
      }
    },
  }
}
