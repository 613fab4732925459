// A histogram of durations for /metrics, with labels. What happens per request must cost almost nothing, so
// it is counted in plain arrays, and formatted only when it is read.

type Labels = Readonly<Record<string, string>>

/** Upper bounds in seconds. */
const bounds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

export class Histogram {
  readonly #name: string
  readonly #help: string
  readonly #series: Durations[] = []

  constructor(name: string, help: string) {
    this.#name = name
    this.#help = help
  }

  /** Durations with labels that no other has. */
  add(labels: Labels): Durations {
    const series = new Durations(labels)
    this.#series.push(series)
    return series
  }

  /** In Prometheus’ text format. */
  text(): string {
    const head = [`# HELP ${this.#name} ${this.#help}`, `# TYPE ${this.#name} histogram`]
    return [...head, ...this.#series.flatMap((series) => series.lines(this.#name)), ''].join('\n')
  }
}

/** The durations with one set of labels. */
export class Durations {
  readonly #labels: Labels
  readonly #byBound = new Float64Array(bounds.length + 1)
  #seconds = 0

  constructor(labels: Labels) {
    this.#labels = labels
  }

  count(seconds: number): void {
    let n = 0
    while (n < bounds.length && seconds > bounds[n]!) n++
    this.#byBound[n]! += 1
    this.#seconds += seconds
  }

  lines(name: string): string[] {
    let sum = 0
    const buckets = [...bounds, '+Inf'].map((bound, n) => {
      sum += this.#byBound[n]!
      return `${name}_bucket${labelText({ ...this.#labels, le: String(bound) })} ${sum}`
    })
    const own = labelText(this.#labels)
    return [...buckets, `${name}_sum${own} ${this.#seconds}`, `${name}_count${own} ${sum}`]
  }
}

/** Labels in Prometheus’ text format. */
export const labelText = (labels: Labels): string =>
  `{${Object.entries(labels)
    .map(([name, value]) => `${name}="${escaped(value)}"`)
    .join()}}`

const escaped = (value: string): string =>
  value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')
