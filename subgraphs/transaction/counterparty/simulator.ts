// The simulator: answers for participants whose connection is SIMULATOR, as a counterparty of the sandbox.
// A label in the payment's reference, in the reference label of its code, or in the payer's token reference
// selects its behaviour.

import type { PaymentId } from '../../../schema/values/id.ts'
import { parseReason } from '../../../schema/values/reasons.ts'
import type { Logger } from '../../platform/logger.ts'
import type { LeaseHolder } from '../../platform/mongo/lease.ts'
import type { CounterpartyAnswer } from '../payment/commands.ts'
import type { CounterpartyRequest, RequestKind } from '../payment/counterparty-request.ts'
import type { Payment } from '../payment/payment.ts'
import type { PaymentService } from '../service/payment-service.ts'
import {
  startRequestDispatcher,
  type CounterpartyConnector,
  type DispatcherDependencies,
} from './request-dispatcher.ts'

export interface SimulatorOptions {
  /** Leaves every request unanswered until the simulator is started without this option: for measurements. */
  readonly holdsBack?: boolean
}

export interface SimulatorDependencies extends DispatcherDependencies {
  readonly paymentService: Pick<PaymentService, 'answer'>
}

/** The answers to one request, and the delay before the first. Empty: the simulator does not answer. */
export interface SimulatedAnswers {
  readonly afterMs: number
  readonly answers: readonly CounterpartyAnswer[]
}

export const startSimulator = (
  dependencies: SimulatorDependencies,
  { holdsBack = false }: SimulatorOptions = {},
): LeaseHolder =>
  startRequestDispatcher(dependencies, 'SIMULATOR', () =>
    holdsBack ? silentConnector : openSimulatedConnector(dependencies),
  )

const silentConnector: CounterpartyConnector = { deliver: () => {}, close: () => {} }

/**
 * Returns the answers to a request by the label at the beginning of one of the payment's texts:
 *
 * - `SIM-AM04`, and every other ISO 20022 reason: declines with that reason.
 * - `SIM-AB05`: does not answer the authorization, and approves the inquiry.
 * - `SIM-NOAS`: never answers.
 * - `SIM-LATE`: answers neither the authorization nor an inquiry, and approves when the reversal arrives.
 * - `SIM-DUP`: answers twice.
 * - `SIM-SLOW-3000`: answers after 3 s.
 *
 * Without a label, approves after 30–80 ms, by the payment's id. Acknowledges every reversal and
 * cancellation.
 */
export function simulatedAnswers(
  { _id, reference, referenceLabel, token }: Pick<Payment, '_id' | 'reference' | 'referenceLabel' | 'token'>,
  kind: RequestKind = 'AUTHORIZE',
): SimulatedAnswers {
  const texts = [reference, referenceLabel, token?.reference]
  const [, word = '', number] = texts.map((text) => label.exec(text ?? '')).find((match) => match) ?? []
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

/** 30–80 ms, equal for equal ids. */
const usualMs = (id: PaymentId): number => 30 + (Number.parseInt(id.slice(-4), 16) % 51)

const retryMs = 1000

function openSimulatedConnector({
  paymentService,
  logger,
}: {
  readonly paymentService: Pick<PaymentService, 'answer'>
  readonly logger: Pick<Logger, 'error'>
}): CounterpartyConnector {
  const timers = new Map<string, NodeJS.Timeout>()

  /** Answers a request `atMs` after its arrival, of which `elapsedMs` have passed. */
  const schedule = (request: CounterpartyRequest, atMs: number, elapsedMs = 0) => {
    const name = `${request.payment}/${request.kind}`
    if (timers.has(name)) return
    const act = () => {
      timers.delete(name)
      answer(request, atMs).catch((error: unknown) => {
        logger.error(
          { err: error, payment: request.payment },
          'the simulator could not answer a request; trying again',
        )
        schedule(request, atMs + retryMs, atMs)
      })
    }
    timers.set(name, setTimeout(act, atMs - elapsedMs))
  }

  /**
   * Answers, or schedules the request again when its delay is longer: the delay is only read with the
   * payment.
   */
  const answer = async (request: CounterpartyRequest, elapsedMs: number) => {
    const { kind, payment: id, counterparty } = request
    let simulated: SimulatedAnswers = { afterMs: 0, answers: [] }
    await paymentService.answer(counterparty, id, (payment) => {
      simulated = simulatedAnswers(payment, kind)
      return simulated.afterMs > elapsedMs ? null : (simulated.answers[0] ?? null)
    })
    if (simulated.afterMs > elapsedMs) return schedule(request, simulated.afterMs, elapsedMs)
    for (const repeated of simulated.answers.slice(1)) {
      await paymentService.answer(counterparty, id, () => repeated)
    }
  }

  return {
    deliver: (request) => schedule(request, usualMs(request.payment)),
    close() {
      for (const timer of timers.values()) clearTimeout(timer)
      timers.clear()
    },
  }
}
