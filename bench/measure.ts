// Measures contenders in turn, round by round, and reports medians.

export interface Contender {
  readonly name: string
  /** Runs one unit of work; the result is ignored. */
  run(): Promise<unknown>
}

export interface Rate {
  readonly name: string
  /** Units of work per second, as the median of the rounds. */
  readonly perSecond: number
  /** Milliseconds per unit over all rounds. */
  readonly p50: number
  readonly p99: number
  /** Units per second in each round, for ratios of the same round. */
  readonly rounds: readonly number[]
}

export interface MeasureOptions {
  /** Number of concurrent units of work. */
  readonly concurrency: number
  readonly rounds: number
  /** Time that each contender runs in a round. */
  readonly sliceMs: number
  /** Time that each contender runs before the first round. */
  readonly warmUpMs: number
}

/** Runs the contenders in turn, A B C A B C …, so that changes of the machine affect all of them. */
export async function measure(contenders: readonly Contender[], options: MeasureOptions): Promise<Rate[]> {
  for (const contender of contenders) await runFor(contender, options.warmUpMs, options.concurrency, [])
  const rates = contenders.map(({ name }) => ({ name, rounds: [] as number[], latencies: [] as number[] }))
  for (let round = 0; round < options.rounds; round += 1) {
    for (const [index, contender] of contenders.entries()) {
      const { rounds, latencies } = rates[index]!
      rounds.push(await runFor(contender, options.sliceMs, options.concurrency, latencies))
    }
  }
  return rates.map(({ name, rounds, latencies }) => ({
    name,
    perSecond: median(rounds),
    p50: quantile(latencies, 0.5),
    p99: quantile(latencies, 0.99),
    rounds,
  }))
}

/** Returns units per second over `ms`; appends the latency of each unit in milliseconds to `latencies`. */
async function runFor(
  contender: Contender,
  ms: number,
  concurrency: number,
  latencies: number[],
): Promise<number> {
  const start = performance.now()
  const end = start + ms
  let done = 0
  const worker = async () => {
    for (let at = performance.now(); at < end;) {
      await contender.run()
      const now = performance.now()
      latencies.push(now - at)
      at = now
      done += 1
    }
  }
  await Promise.all(Array.from({ length: concurrency }, worker))
  return (done / (performance.now() - start)) * 1000
}

export const median = (values: readonly number[]): number => quantile(values, 0.5)

/** The quantile of `values`, for instance the median for a `share` of 0.5. */
export function quantile(values: readonly number[], share: number): number {
  if (values.length === 0) return Number.NaN
  const sorted = Float64Array.from(values).toSorted()
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]!
}

/** The median of the ratios `a / b` of each round. */
export const ratio = (a: Rate, b: Rate): number =>
  median(a.rounds.map((value, round) => value / b.rounds[round]!))
