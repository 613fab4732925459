// A histogram of durations for /metrics, with labels. What happens per request must cost almost nothing, so
// it is counted in plain arrays, and formatted only when it is read.

/** Upper bounds in seconds. */
const bounds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

interface Series {
  readonly labels: Readonly<Record<string, string>>
  readonly byBound: Float64Array
  seconds: number
}

export class Histogram {
  readonly name: string
  readonly #help: string
  readonly #series = new Map<string, Series>()

  constructor(name: string, help: string) {
    this.name = name
    this.#help = help
  }

  /** Counts a duration. `key` stands for the labels, which are read when the key is new. */
  observe(key: string, seconds: number, labelsOf: () => Readonly<Record<string, string>>): void {
    let series = this.#series.get(key)
    if (!series) {
      series = { labels: labelsOf(), byBound: new Float64Array(bounds.length + 1), seconds: 0 }
      this.#series.set(key, series)
    }
    let n = 0
    while (n < bounds.length && seconds > bounds[n]!) n++
    series.byBound[n]! += 1
    series.seconds += seconds
  }

  /** In Prometheus’ text format. */
  text(): string {
    const head = [`# HELP ${this.name} ${this.#help}`, `# TYPE ${this.name} histogram`]
    return [...head, ...[...this.#series.values()].flatMap((series) => this.#lines(series)), ''].join('\n')
  }

  #lines({ labels, byBound, seconds }: Series): string[] {
    const { name } = this
    let sum = 0
    const buckets = [...bounds, '+Inf'].map((bound, n) => {
      sum += byBound[n]!
      return `${name}_bucket${labelText({ ...labels, le: String(bound) })} ${sum}`
    })
    const own = labelText(labels)
    return [...buckets, `${name}_sum${own} ${seconds}`, `${name}_count${own} ${sum}`]
  }
}

/** Labels in Prometheus’ text format. */
export const labelText = (labels: Readonly<Record<string, string>>): string =>
  `{${Object.entries(labels)
    .map(([name, value]) => `${name}="${escaped(value)}"`)
    .join()}}`

const escaped = (value: string): string =>
  value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')
