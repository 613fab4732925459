// The legal moves of a payment, written from the rules of the domain and not from the code that makes them.

import type { Payment } from './documents.ts'

/** "from > to" of every move that changes the status; "-" is the payment before its submission. */
const moves: ReadonlySet<string> = new Set([
  '- > RECEIVED',
  'RECEIVED > DECLINED',
  'RECEIVED > ROUTED',
  'RECEIVED > CANCELLING',
  'ROUTED > COMPLETED',
  'ROUTED > DECLINED',
  'ROUTED > FAILED',
  'ROUTED > IN_DOUBT',
  'ROUTED > CANCELLING',
  'IN_DOUBT > COMPLETED',
  'IN_DOUBT > DECLINED',
  'IN_DOUBT > EXPIRED',
  'IN_DOUBT > REVERSING',
  'IN_DOUBT > CANCELLING',
  'REVERSING > REVERSED',
  'COMPLETED > CANCELLING',
  'CANCELLING > CANCELLED',
])

/** Kinds of events that leave the status as it is, and the only status in which each can happen. */
const repeats: Readonly<Record<string, string>> = {
  INQUIRED: 'IN_DOUBT',
  REVERSAL_RETRIED: 'REVERSING',
  CANCEL_RETRIED: 'CANCELLING',
  REFUNDED: 'COMPLETED',
}

/** Returns what is wrong with the events of a payment; null when every move is legal. */
export function wrongMove({ status, sequence, events }: Payment): string | null {
  let before: string | null = null
  let isRefunded = false
  for (const [n, { sequence: number, kind, from, to, at }] of events.entries()) {
    if (number !== n + 1) return `event ${n + 1} has sequence ${number}`
    if (from !== before) return `event ${number} moves from ${from}, but the payment was ${before}`
    const isRepeat = from === to && (kind === 'LATE_MESSAGE' || repeats[kind] === to)
    if (!isRepeat && !moves.has(`${from ?? '-'} > ${to}`))
      return `event ${number} moves ${from} > ${to} by ${kind}`
    if (isRefunded && to === 'CANCELLING') return `event ${number} cancels what was refunded`
    if (n > 0 && at < events[n - 1]!.at) return `event ${number} is earlier than the previous one`
    isRefunded ||= kind === 'REFUNDED'
    before = to
  }
  if (before !== status) return `the status is ${status}, but the last event moved to ${before}`
  if (events.length !== sequence) return `the sequence is ${sequence}, but there are ${events.length} events`
  return null
}
