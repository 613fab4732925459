// Counts payments for /metrics: outcomes, values, refunds, declines and the time of counterparties. Each
// process counts all of them, from the log, since it started.

import type { ReasonCode } from '../../schema/values/reasons.ts'
import type { LogEntry } from '../../subgraphs/log/entry.ts'
import type { LogReader } from '../../subgraphs/log/reader.ts'
import { outcomes } from '../../subgraphs/transaction/index.ts'
import { Histogram, labelText } from '../telemetry/histogram.ts'

/** The most corridors with counts of their own; the operator makes them. */
const corridorsMax = 200
const others = 'other'

export class PaymentCounts {
  readonly #payments = new Counts(
    'crossgate_payments_total',
    'Payments that reached an outcome, by corridor. Every process counts all payments: take the maximum over processes, not the sum.',
  )
  readonly #values = new Counts(
    'crossgate_payments_value_cny_total',
    'Reporting value in CNY of the payments that succeeded, by corridor.',
  )
  readonly #refunds = new Counts('crossgate_refunds_total', 'Refunds, by corridor.')
  readonly #refundValues = new Counts(
    'crossgate_refunds_value_cny_total',
    'Reporting value in CNY of refunds, by corridor.',
  )
  readonly #declines = new Counts(
    'crossgate_declines_total',
    'Payments that were declined or failed, by reason.',
  )
  readonly #authorizations = new Histogram(
    'crossgate_authorization_seconds',
    'Seconds from the submission of a payment to the answer of its counterparty, by corridor.',
  )
  readonly #corridors = new Set<string>()

  constructor(logReader: Pick<LogReader, 'subscribe'>) {
    logReader.subscribe((entries) => {
      for (const entry of entries) this.#take(entry)
    })
  }

  /** In Prometheus’ text format. */
  text(): string {
    const counts = [this.#payments, this.#values, this.#refunds, this.#refundValues, this.#declines]
    return counts.map((each) => each.text()).join('') + this.#authorizations.text()
  }

  #take(entry: LogEntry): void {
    const { kind, reason, payment } = entry
    const corridor = this.#labelOf(payment.corridor)
    const value = Number(payment.reportingMinor) / 100
    if (kind === 'REFUNDED') {
      this.#refunds.add(corridor, 1, () => ({ corridor }))
      this.#refundValues.add(corridor, value, () => ({ corridor }))
    }
    if (payment.authorizeMs !== null)
      this.#authorizations.observe(corridor, payment.authorizeMs / 1000, () => ({ corridor }))
    const outcome = newOutcomeOf(entry)
    if (!outcome) return
    this.#payments.add(`${corridor} ${outcome}`, 1, () => ({ corridor, outcome }))
    if (outcome === 'SUCCEEDED') this.#values.add(corridor, value, () => ({ corridor }))
    if (outcome === 'FAILED') this.#declines.add(reason ?? none, 1, () => ({ reason: reason ?? none }))
  }

  #labelOf(corridor: string): string {
    if (this.#corridors.has(corridor)) return corridor
    if (this.#corridors.size >= corridorsMax) return others
    this.#corridors.add(corridor)
    return corridor
  }
}

const none = 'NONE' satisfies Exclude<string, ReasonCode>

/** The outcome that a payment reaches by `entry`; null when that is none, or the previous one. */
function newOutcomeOf({ from, to, refundOf }: LogEntry): string | null {
  const outcome = outcomes[to]
  const isNew = refundOf === undefined && outcome !== 'PENDING' && (!from || outcomes[from] !== outcome)
  return isNew ? outcome : null
}

/** A counter with labels. */
class Counts {
  readonly #name: string
  readonly #help: string
  readonly #series = new Map<string, { readonly labels: Readonly<Record<string, string>>; count: number }>()

  constructor(name: string, help: string) {
    this.#name = name
    this.#help = help
  }

  /** `key` stands for the labels, which are read when the key is new. */
  add(key: string, count: number, labelsOf: () => Readonly<Record<string, string>>): void {
    const series = this.#series.get(key)
    if (series) series.count += count
    else this.#series.set(key, { labels: labelsOf(), count })
  }

  text(): string {
    const lines = [...this.#series.values()].map(
      ({ labels, count }) => `${this.#name}${labelText(labels)} ${count}`,
    )
    return [`# HELP ${this.#name} ${this.#help}`, `# TYPE ${this.#name} counter`, ...lines, ''].join('\n')
  }
}
