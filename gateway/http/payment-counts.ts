// Counts payments for /metrics: outcomes, values, refunds, declines and the time of counterparties. Each
// process counts all of them, from the log, since it started.

import type { LogEntry } from '../../subgraphs/log/entry.ts'
import type { LogReader } from '../../subgraphs/log/reader.ts'
import { outcomes } from '../../subgraphs/transaction/index.ts'
import { others } from '../telemetry/call-stats.ts'
import { Histogram, labelText, type Durations } from '../telemetry/histogram.ts'

/** The most corridors with counts of their own; the operator makes them. */
const corridorsMax = 200

/** The counts of one corridor. */
interface Corridor {
  readonly name: string
  readonly byOutcome: Map<string, number>
  readonly authorizations: Durations
  value: number
  refunds: number
  refundValue: number
}

export class PaymentCounts {
  readonly #corridors = new Map<string, Corridor>()
  readonly #declines = new Map<string, number>()
  readonly #authorizations = new Histogram(
    'crossgate_authorization_seconds',
    'Seconds from the submission of a payment to the answer of its counterparty, by corridor.',
  )

  constructor(logReader: Pick<LogReader, 'subscribe'>) {
    logReader.subscribe((entries) => {
      for (const entry of entries) this.#take(entry)
    })
  }

  #take(entry: LogEntry): void {
    const { kind, reason, payment } = entry
    const corridor = this.#corridors.get(payment.corridor) ?? this.#add(payment.corridor)
    const value = Number(payment.reportingMinor) / 100
    if (kind === 'REFUNDED') {
      corridor.refunds++
      corridor.refundValue += value
    }
    if (payment.authorizeMs !== null) corridor.authorizations.count(payment.authorizeMs / 1000)
    const outcome = newOutcomeOf(entry)
    if (!outcome) return
    addTo(corridor.byOutcome, outcome)
    if (outcome === 'SUCCEEDED') corridor.value += value
    if (outcome === 'FAILED') addTo(this.#declines, reason ?? 'NONE')
  }

  #add(name: string): Corridor {
    const own = this.#corridors.size < corridorsMax ? name : others
    const corridor = this.#corridors.get(own) ?? {
      name: own,
      byOutcome: new Map<string, number>(),
      authorizations: this.#authorizations.add({ corridor: own }),
      value: 0,
      refunds: 0,
      refundValue: 0,
    }
    this.#corridors.set(own, corridor)
    return corridor
  }

  /** In Prometheus’ text format. */
  text(): string {
    const corridors = [...this.#corridors.values()]
    const byCorridor = (count: (corridor: Corridor) => number) =>
      corridors.map((each) => ({ labels: { corridor: each.name }, count: count(each) }))
    const counters = [
      counterText(
        'crossgate_payments_total',
        'Payments that reached an outcome, by corridor. Every process counts all payments: take the maximum over processes, not the sum.',
        corridors.flatMap(({ name, byOutcome }) =>
          [...byOutcome].map(([outcome, count]) => ({ labels: { corridor: name, outcome }, count })),
        ),
      ),
      counterText(
        'crossgate_payments_value_cny_total',
        'Reporting value in CNY of the payments that succeeded, by corridor.',
        byCorridor(({ value }) => value),
      ),
      counterText(
        'crossgate_refunds_total',
        'Refunds, by corridor.',
        byCorridor(({ refunds }) => refunds),
      ),
      counterText(
        'crossgate_refunds_value_cny_total',
        'Reporting value in CNY of refunds, by corridor.',
        byCorridor(({ refundValue }) => refundValue),
      ),
      counterText(
        'crossgate_declines_total',
        'Payments that were declined or failed, by reason.',
        [...this.#declines].map(([reason, count]) => ({ labels: { reason }, count })),
      ),
    ]
    return counters.join('') + this.#authorizations.text()
  }
}

const addTo = (counts: Map<string, number>, name: string): void =>
  void counts.set(name, (counts.get(name) ?? 0) + 1)

/** The outcome that a payment reaches by `entry`; null when that is none, or the previous one. */
function newOutcomeOf({ from, to, refundOf }: LogEntry): string | null {
  const outcome = outcomes[to]
  const isNew = refundOf === undefined && outcome !== 'PENDING' && (!from || outcomes[from] !== outcome)
  return isNew ? outcome : null
}

interface Sample {
  readonly labels: Readonly<Record<string, string>>
  readonly count: number
}

const counterText = (name: string, help: string, samples: readonly Sample[]): string =>
  [
    `# HELP ${name} ${help}`,
    `# TYPE ${name} counter`,
    ...samples.map(({ labels, count }) => `${name}${labelText(labels)} ${count}`),
    '',
  ].join('\n')
