// A reference model of activity: the plainest fold over the log, which shares no code with the product.

import type { Dimension, Figures, Question, Share } from '../../../subgraphs/analytics/activity.ts'
import type { LogEntry } from '../../../subgraphs/log/entry.ts'

interface Fold extends Figures {
  readonly latencies: readonly number[]
}

const approvedStatuses = ['COMPLETED']
const declinedStatuses = ['DECLINED', 'FAILED', 'EXPIRED', 'REVERSED', 'CANCELLED']

/** The entries of each payment that the question selects, oldest first. */
function livesOf(log: readonly LogEntry[], question: Question): LogEntry[][] {
  return [...Map.groupBy(log, ({ transaction }) => transaction).values()].filter(([first]) =>
    isSelected(first!, question),
  )
}

function isSelected({ payment }: LogEntry, { range, where, within }: Question): boolean {
  const created = payment.createdAt.getTime()
  const lists: [readonly string[] | undefined, string | null][] = [
    [where.directions, payment.direction],
    [where.wallets, payment.wallet],
    [where.acquirers, payment.acquirer],
    [where.corridors, payment.corridor],
    [where.projects, payment.project],
    [where.merchantCountries, payment.merchantCountry],
    [where.mccs, payment.mcc],
    [where.entryModes, payment.entryMode],
  ]
  return (
    created >= range.from &&
    created < range.to &&
    lists.every(([wanted, value]) => !wanted || (value !== null && wanted.includes(value))) &&
    within.every(
      (party) =>
        party.kind === 'all' ||
        party.wallet === payment.wallet ||
        party.acquirer === payment.acquirer ||
        party.corridors.has(payment.corridor),
    )
  )
}

function sum(lives: readonly LogEntry[][]): Fold {
  const ended = lives.map((entries) => ({ last: entries.at(-1)!, entries }))
  const submitted = ended.filter(({ entries }) => entries[0]!.kind === 'SUBMITTED')
  const approved = ended.filter(({ last }) => approvedStatuses.includes(last.to))
  return {
    payments: submitted.length,
    approved: approved.length,
    declined: ended.filter(({ last }) => declinedStatuses.includes(last.to)).length,
    value: approved.reduce((total, { last }) => total + last.payment.reportingMinor, 0n),
    latencies: lives
      .flat()
      .flatMap(({ payment }) => (payment.authorizeMs === null ? [] : [payment.authorizeMs])),
  }
}

const figures = ({ latencies: _latencies, ...rest }: Fold): Figures => rest

export const totals = (log: readonly LogEntry[], question: Question): Figures =>
  figures(sum(livesOf(log, question)))

/** Exact nearest-rank percentile. */
export function percentile(log: readonly LogEntry[], question: Question, percent: number): number | null {
  const sorted = [...sum(livesOf(log, question)).latencies].toSorted((a, b) => a - b)
  return sorted[Math.ceil((sorted.length * percent) / 100) - 1] ?? null
}

export function series(log: readonly LogEntry[], question: Question, starts: readonly number[]): Figures[] {
  const lives = livesOf(log, question)
  return starts.map((start, n) =>
    figures(
      sum(
        lives.filter(([first]) => {
          const created = first!.payment.createdAt.getTime()
          return created >= start && created < (starts[n + 1] ?? Infinity)
        }),
      ),
    ),
  )
}

export const breakdown = (log: readonly LogEntry[], question: Question, by: Dimension): Share[] =>
  [...parts(log, question, by)]
    .map(([key, lives]) => ({ key, ...figures(sum(lives)) }))
    .toSorted((a, b) => b.payments - a.payments || (a.key < b.key ? -1 : 1))

/** The lives of the payments of each part of a dimension. */
export function parts(
  log: readonly LogEntry[],
  question: Question,
  by: Dimension,
): Map<string, LogEntry[][]> {
  const keyOf = (entries: readonly LogEntry[]): string | null => {
    const { payment } = entries[0]!
    const last = entries.at(-1)!
    switch (by) {
      case 'CORRIDOR':
        return payment.corridor
      case 'WALLET':
        return payment.wallet
      case 'ACQUIRER':
        return payment.acquirer
      case 'MERCHANT_COUNTRY':
        return payment.merchantCountry
      case 'MCC':
        return payment.mcc
      case 'ENTRY_MODE':
        return payment.entryMode
      case 'DECLINE_REASON':
        return declinedStatuses.includes(last.to) ? (last.reason ?? 'UNSPECIFIED') : null
    }
  }
  const lives = livesOf(log, question).filter((entries) => keyOf(entries) !== null)
  return Map.groupBy(lives, (entries) => keyOf(entries)!)
}
