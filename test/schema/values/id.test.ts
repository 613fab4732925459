import { expect, test } from 'vitest'
import type { MerchantId, ParticipantId, PaymentId } from '../../../schema/values/id.ts'
import { anId } from '../../fixtures/an-id.ts'

const payment = anId<PaymentId>('0195f0a0-0000-7000-8000-000000000000')

/** The text of an id of each kind. */
const textOfPayment = (id: PaymentId): string => id
const textOfMerchant = (id: MerchantId): string => id

test('an id of another kind does not compile', () => {
  expect(textOfPayment(payment)).toBe(payment)
  // @ts-expect-error -- A payment's id is not a merchant's.
  expect(textOfMerchant(payment)).toBe(payment)
})

test('a plain string does not compile as an id', () => {
  const text: string = payment
  // @ts-expect-error -- Plain text is no id until it is read as one.
  expect(textOfPayment(text)).toBe(payment)
  // @ts-expect-error -- Neither is a literal.
  expect(textOfPayment('payment-1')).toBe('payment-1')
})

test('a map keyed by ids is not read by an id of another kind', () => {
  const payers = new Map([[payment, anId<ParticipantId>('wallet-sg-01')]])
  expect(payers.get(payment)).toBe('wallet-sg-01')
  // @ts-expect-error -- The keys are payments' ids.
  expect(payers.get(anId<MerchantId>('acquirer-cn-01.M000001'))).toBeUndefined()
})
