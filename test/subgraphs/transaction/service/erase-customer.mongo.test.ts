import { beforeEach, expect, test } from 'vitest'
import { eraseCustomer } from '../../../../subgraphs/transaction/service/erase-customer.ts'
import { aPaymentHub, wallet, type PaymentHub } from '../../../fixtures/a-payment-hub.ts'
import { freshDatabase } from '../../../harness/mongo.ts'

const { db } = await freshDatabase()
const customer = 'customer (of) 88.50*'
let hub: PaymentHub
beforeEach(async () => {
  hub = await aPaymentHub(db)
})
const daysMs = (days: number) => days * 86_400_000
const erase = () => eraseCustomer(db, wallet, customer, 'request 1', hub.clock.now())

/** Everything that is stored, as text. */
async function stored(): Promise<string> {
  const names = (await db.listCollections().toArray()).map(({ name }) => name)
  const documents = await Promise.all(names.map((name) => db.collection(name).find({}).toArray()))
  return JSON.stringify(documents, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value))
}

test('an erased customer is named nowhere, and books and events stay as they are', async () => {
  const token = { reference: 'account 7', lastFour: '4242' }
  const paid = await hub.complete({ customer, token })
  const byToken = await hub.complete({ token: { reference: customer } })
  const other = await hub.complete({ customer: 'another customer' })
  hub.clock.move(daysMs(3))
  expect(await stored()).toContain(customer)

  expect(await erase()).toEqual({ payments: 2, left: 0 })
  expect(await stored()).not.toContain(customer)
  expect(await stored()).not.toContain('account 7')
  for (const before of [paid, byToken]) {
    const erased = { ...before, customer: null, token: null, customerDay: undefined }
    expect(await hub.payment(before._id)).toEqual(erased)
  }
  expect(await hub.payment(other._id)).toEqual(other)
  const entries = await db.collection('audit').find({ action: 'eraseCustomer' }).toArray()
  expect(entries).toMatchObject([
    {
      actor: null,
      target: `participant:${wallet}`,
      after: '{"left":0,"payments":2}',
      requestId: 'request 1',
    },
  ])
  expect(await erase()).toEqual({ payments: 0, left: 0 })
})

test('a payment that has not ended, or whose limit still counts, keeps its customer until then', async () => {
  await hub.complete({ customer })
  expect(await erase()).toEqual({ payments: 0, left: 1 })
  hub.clock.move(daysMs(3))
  await hub.pay({ customer })
  expect(await erase()).toEqual({ payments: 1, left: 1 })
})
