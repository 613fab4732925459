import { describe, expect, test } from 'vitest'
import type { PaymentId } from '../../../../schema/values/id.ts'
import { simulatedAnswers } from '../../../../subgraphs/transaction/counterparty/simulator.ts'
import { anId } from '../../../fixtures/an-id.ts'

const approves = { decision: 'APPROVE', reason: null, reference: null }
const acknowledges = { decision: 'ACKNOWLEDGE', reason: null, reference: null }
const declines = (reason: string) => ({ decision: 'DECLINE', reason, reference: null })
const payment = (reference: string, referenceLabel: string | null = null, _id = '0199-0000') => ({
  _id: anId<PaymentId>(_id),
  reference,
  referenceLabel,
  token: null,
})

describe('the answers of the simulator', () => {
  test.each([
    { reference: 'order 7', answers: [approves] },
    { reference: 'SIM-AM04', answers: [declines('INSUFFICIENT_FUNDS')] },
    { reference: 'SIM-AM14 of today', answers: [declines('OVER_LIMIT')] },
    { reference: 'SIM-AB05', answers: [] },
    { reference: 'SIM-NOAS', answers: [] },
    { reference: 'SIM-LATE', answers: [] },
    { reference: 'SIM-DUP', answers: [approves, approves] },
    { reference: 'SIM-SLOW-3000', answers: [approves] },
    { reference: 'SIM-NONSENSE', answers: [approves] },
    { reference: 'my SIM-AM04', answers: [approves] },
  ])('$reference', ({ reference, answers }) => {
    expect(simulatedAnswers(payment(reference)).answers).toEqual(answers)
  })

  test.each([
    { kind: 'INQUIRE', reference: 'order 7', answers: [approves] },
    { kind: 'INQUIRE', reference: 'SIM-AM04', answers: [declines('INSUFFICIENT_FUNDS')] },
    { kind: 'INQUIRE', reference: 'SIM-AB05', answers: [approves] },
    { kind: 'INQUIRE', reference: 'SIM-LATE', answers: [] },
    { kind: 'INQUIRE', reference: 'SIM-NOAS', answers: [] },
    { kind: 'REVERSE', reference: 'order 7', answers: [acknowledges] },
    { kind: 'REVERSE', reference: 'SIM-LATE', answers: [approves, acknowledges] },
    { kind: 'REVERSE', reference: 'SIM-NOAS', answers: [] },
    { kind: 'CANCEL', reference: 'order 7', answers: [acknowledges] },
    { kind: 'CANCEL', reference: 'SIM-NOAS', answers: [] },
  ] as const)('$kind for $reference', ({ kind, reference, answers }) => {
    expect(simulatedAnswers(payment(reference), kind).answers).toEqual(answers)
  })

  test('follow a label in the payer’s token reference', () => {
    const presented = { ...payment('order 7'), token: { reference: 'SIM-AM04', lastFour: null } }
    expect(simulatedAnswers(presented).answers).toEqual([declines('INSUFFICIENT_FUNDS')])
  })

  test('follow a label in the code’s reference label', () => {
    expect(simulatedAnswers(payment('order 7', 'SIM-AM04')).answers).toEqual([declines('INSUFFICIENT_FUNDS')])
  })

  test('take 30–80 ms by the payment’s id, unless a label states the delay', () => {
    const times = Array.from(
      { length: 500 },
      (_, n) => simulatedAnswers(payment('x', null, `0199-${n.toString(16).padStart(4, '0')}`)).afterMs,
    )
    expect([Math.min(...times), Math.max(...times)]).toEqual([30, 80])
    expect(simulatedAnswers(payment('SIM-SLOW-3000')).afterMs).toBe(3000)
  })
})
