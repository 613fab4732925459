// Answers for participants whose connection is SIMULATOR, as a counterparty of the sandbox would. What it does with a
// payment is written in its reference, or in the reference label of its code.

import type { FastifyBaseLogger } from 'fastify'
import type { Db } from 'mongodb'
import { parseReason } from '../../schema/values/reasons.ts'
import { holdLease } from '../lease.ts'
import type { LogEntry, LogReader } from '../log.ts'
import type { Reference } from '../reference.ts'
import type { Cashier } from './cashier.ts'
import type { Counterparties } from './counterparty.ts'
import type { Answer } from './input.ts'
import { counterpartyOf, type Payment } from './payment.ts'
import type { PaymentStore } from './store.ts'

export interface SimulatorOptions {
  /** Takes requests and leaves them unanswered until it is restarted without this: for measurements. */
  readonly holdsBack?: boolean
}

export interface SimulatorDependencies {
  readonly db: Db
  readonly reference: Reference
  readonly reader: LogReader
  readonly store: Pick<PaymentStore, 'waiting'>
  readonly cashier: Cashier
  readonly log: Pick<FastifyBaseLogger, 'error' | 'info'>
}

/** What the simulated counterparty does with a payment. No answers: it stays silent. */
export interface Plan {
  readonly afterMs: number
  readonly answers: readonly Answer[]
}

/**
 * Follows the log and answers what is sent to simulated participants; at the start also what was left unanswered. One
 * process at a time does so, under a lease. Two that overlap do no harm: an answer that was given is only given again.
 */
export function startSimulator(
  dependencies: SimulatorDependencies,
  options: SimulatorOptions = {},
): Counterparties {
  const { db, reader, log } = dependencies
  const holder = holdLease({ db, log, name: 'simulator' }, async ({ signal }) => {
    if (options.holdsBack) return untilAborted(signal)
    const desk = openDesk(dependencies)
    const stop = reader.subscribe((entries) => entries.forEach(desk.take))
    try {
      await desk.takeWaiting()
      await untilAborted(signal)
    } finally {
      stop()
      desk.close()
    }
  })
  return { kind: 'SIMULATOR', close: () => holder.close() }
}

/**
 * Magic labels, at the beginning of the reference or of the code's reference label: SIM-AM04 declines for funds, and so
 * does every other ISO 20022 reason for itself; SIM-NOAS, SIM-AB05 and SIM-LATE do not answer; SIM-DUP answers twice;
 * SIM-SLOW-3000 takes 3 s. All others are approved after 30–80 ms, by their id.
 */
export function planOf({
  _id,
  reference,
  referenceLabel,
}: Pick<Payment, '_id' | 'reference' | 'referenceLabel'>): Plan {
  const label =
    /^SIM-([A-Z0-9]+)(?:-(\d{1,5}))?/.exec(reference) ??
    /^SIM-([A-Z0-9]+)(?:-(\d{1,5}))?/.exec(referenceLabel ?? '')
  const afterMs = usualMs(_id)
  const [, word = '', number] = label ?? []
  switch (word) {
    case 'NOAS':
    case 'AB05':
    case 'LATE':
      return { afterMs, answers: [] }
    case 'DUP':
      return { afterMs, answers: [approval, approval] }
    case 'SLOW':
      return { afterMs: Number(number ?? 0), answers: [approval] }
  }
  const reason = parseReason(word)
  return { afterMs, answers: [reason ? { approves: false, reason, reference: null } : approval] }
}

const approval: Answer = { approves: true, reason: null, reference: null }

/** 30–80 ms, the same for the same id. */
const usualMs = (id: string): number => 30 + (Number.parseInt(id.slice(-4), 16) % 51)

const retryMs = 1000

function openDesk({ reference, store, cashier, log }: SimulatorDependencies) {
  const timers = new Map<string, NodeJS.Timeout>()

  const isSimulated = (id: string): boolean => reference.participants.get(id)?.connection === 'SIMULATOR'

  /** Acts on payment `id` once it has been here for `atMs`, of which `waitedMs` have passed. */
  const schedule = (counterparty: string, id: string, atMs: number, waitedMs = 0) => {
    if (timers.has(id)) return
    const act = () => {
      timers.delete(id)
      answer(counterparty, id, atMs).catch((error: unknown) => {
        log.error({ err: error, payment: id }, 'the simulator could not answer; trying again')
        schedule(counterparty, id, atMs + retryMs, atMs)
      })
    }
    timers.set(id, setTimeout(act, atMs - waitedMs))
  }

  /** Answers by the plan, or comes back when the plan says later: it is read with the payment, not before. */
  const answer = async (counterparty: string, id: string, waitedMs: number) => {
    let plan: Plan = { afterMs: 0, answers: [] }
    await cashier.answer(counterparty, id, (payment) => {
      plan = planOf(payment)
      return plan.afterMs > waitedMs ? null : (plan.answers[0] ?? null)
    })
    if (plan.afterMs > waitedMs) return schedule(counterparty, id, plan.afterMs, waitedMs)
    for (const again of plan.answers.slice(1)) await cashier.answer(counterparty, id, () => again)
  }

  return {
    take(entry: LogEntry) {
      if (entry.kind !== 'SENT') return
      const counterparty = counterpartyOf(entry.payment, entry.payment.wallet)
      if (isSimulated(counterparty)) schedule(counterparty, entry.transaction, usualMs(entry.transaction))
    },
    async takeWaiting() {
      const simulated = [...reference.participants.keys()].filter(isSimulated)
      for (const { _id, counterparty } of await store.waiting(simulated))
        schedule(counterparty, _id, usualMs(_id))
    },
    close() {
      for (const timer of timers.values()) clearTimeout(timer)
      timers.clear()
    },
  }
}

const untilAborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve()
    signal.addEventListener('abort', () => resolve(), { once: true })
  })
