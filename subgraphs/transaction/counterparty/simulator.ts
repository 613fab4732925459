// Answers for participants whose connection is SIMULATOR, as a counterparty of the sandbox would. What it does with a payment
// is written in its reference, in the reference label of its code, or in the payer's token reference.
import { parseReason } from '../../../schema/values/reasons.ts'
import type { LeaseHolder } from '../../platform/mongo/lease.ts'
import type { PaymentService } from '../service/payment-service.ts'
import {
  startRequestDispatcher,
  type CounterpartyConnector,
  type DispatcherDependencies,
} from './request-dispatcher.ts'
import type { RequestKind, CounterpartyRequest } from '../payment/counterparty-request.ts'
import type { CounterpartyAnswer } from '../payment/commands.ts'
import type { Payment } from '../payment/payment.ts'
import type { Logger } from '../../platform/logger.ts'

export interface SimulatorOptions {
  /** Takes requests and leaves them unanswered until it is restarted without this: for measurements. */
  readonly holdsBack?: boolean
}

export interface SimulatorDependencies extends DispatcherDependencies {
  readonly paymentService: PaymentService
}

/** What the simulated counterparty does when it is asked. No answers: it stays silent. */
export interface Plan {
  readonly afterMs: number
  readonly answers: readonly CounterpartyAnswer[]
}

export const startSimulator = (
  dependencies: SimulatorDependencies,
  { holdsBack = false }: SimulatorOptions = {},
): LeaseHolder =>
  startRequestDispatcher(dependencies, 'SIMULATOR', () => (holdsBack ? deaf : openDesk(dependencies)))

const deaf: CounterpartyConnector = { take: () => {}, close: () => {} }

/**
 * Magic labels, at the beginning of what names them: SIM-AM04 declines for funds, and so does every other ISO 20022 reason for
 * itself; SIM-AB05 does not answer, and says approved when asked; SIM-NOAS never answers, whatever it is asked; SIM-LATE does
 * not answer either, and approves when it is told to undo it; SIM-DUP answers twice; SIM-SLOW-3000 takes 3 s. All others are
 * approved after 30–80 ms, by their id, and acknowledge what they are told.
 */
export function planOf(
  { _id, reference, referenceLabel, token }: Pick<Payment, '_id' | 'reference' | 'referenceLabel' | 'token'>,
  kind: RequestKind = 'AUTHORIZE',
): Plan {
  const names = [reference, referenceLabel, token?.reference]
  const [, word = '', number] = names.map((name) => label.exec(name ?? '')).find((found) => found) ?? []
  const afterMs = usualMs(_id)
  if (word === 'NOAS') return { afterMs, answers: [] }
  const reason = parseReason(word)
  const verdict: CounterpartyAnswer =
    reason && word !== 'AB05' ? { decision: 'DECLINE', reason, reference: null } : approval
  switch (kind) {
    case 'AUTHORIZE':
      if (word === 'AB05' || word === 'LATE') return { afterMs, answers: [] }
      if (word === 'SLOW') return { afterMs: Number(number ?? 0), answers: [approval] }
      return { afterMs, answers: word === 'DUP' ? [approval, approval] : [verdict] }
    case 'INQUIRE':
      return { afterMs, answers: word === 'LATE' ? [] : [verdict] }
    case 'REVERSE':
      return { afterMs, answers: word === 'LATE' ? [approval, acknowledgement] : [acknowledgement] }
    case 'CANCEL':
      return { afterMs, answers: [acknowledgement] }
  }
}

const label = /^SIM-([A-Z0-9]+)(?:-(\d{1,5}))?/

const approval: CounterpartyAnswer = { decision: 'APPROVE', reason: null, reference: null }
const acknowledgement: CounterpartyAnswer = { decision: 'ACKNOWLEDGE', reason: null, reference: null }

/** 30–80 ms, the same for the same id. */
const usualMs = (id: string): number => 30 + (Number.parseInt(id.slice(-4), 16) % 51)

const retryMs = 1000

function openDesk({
  paymentService,
  logger,
}: {
  readonly paymentService: PaymentService
  readonly logger: Pick<Logger, 'error'>
}): CounterpartyConnector {
  const timers = new Map<string, NodeJS.Timeout>()

  /** Acts on a request once it has been here for `atMs`, of which `waitedMs` have passed. */
  const schedule = (request: CounterpartyRequest, atMs: number, waitedMs = 0) => {
    const name = `${request.payment}/${request.kind}`
    if (timers.has(name)) return
    const act = () => {
      timers.delete(name)
      answer(request, atMs).catch((error: unknown) => {
        logger.error({ err: error, payment: request.payment }, 'the simulator could not answer; trying again')
        schedule(request, atMs + retryMs, atMs)
      })
    }
    timers.set(name, setTimeout(act, atMs - waitedMs))
  }

  /** Answers by the plan, or comes back when the plan says later: it is read with the payment, not before. */
  const answer = async (request: CounterpartyRequest, waitedMs: number) => {
    const { kind, payment: id, counterparty } = request
    let plan: Plan = { afterMs: 0, answers: [] }
    await paymentService.answer(counterparty, id, (payment) => {
      plan = planOf(payment, kind)
      return plan.afterMs > waitedMs ? null : (plan.answers[0] ?? null)
    })
    if (plan.afterMs > waitedMs) return schedule(request, plan.afterMs, waitedMs)
    for (const again of plan.answers.slice(1)) await paymentService.answer(counterparty, id, () => again)
  }

  return {
    take: (request) => schedule(request, usualMs(request.payment)),
    close() {
      for (const timer of timers.values()) clearTimeout(timer)
      timers.clear()
    },
  }
}
