import { expect, test } from 'vitest'
import { money } from '../../../../schema/values/money.ts'
import { numberCustomerDays } from '../../../../subgraphs/transaction/import.ts'
import { aPaymentHub, wallet } from '../../../fixtures/a-payment-hub.ts'
import { aCorridor } from '../../../fixtures/a-programme.ts'
import { freshDatabase } from '../../../harness/mongo.ts'

const { db } = await freshDatabase()
const day = `SG-CN/2026-03-01/${wallet}/customer`

test('payments of a day in the form of version 1 count, once, however often they are numbered', async () => {
  const hub = await aPaymentHub(db)
  const limits = { perPayment: money(5_000_000n, 'CNY'), perDay: money(100_000n, 'CNY') }
  const corridor = aCorridor('SG-CN', { limits })
  hub.registry.corridors.set(corridor.id, corridor)
  const of = (amount: string) => ({ customer: 'customer', amount: { amount, currency: 'CNY' } })
  const [first, declined, second] = [
    await hub.pay(of('300')),
    await hub.pay(of('50')),
    await hub.pay(of('400')),
  ]
  await hub.respond(declined._id, 'DECLINE')
  await hub.store.payments.updateMany({}, { $set: { customerDay: day } } as object)
  const days = db.collection<{ _id: string }>('customerDays')
  const holds = [first, second].map(({ _id, merchantAmount: { minor } }) => ({ id: _id, minor }))
  const stale = { id: 'a payment that was never written', minor: 10_000n }
  await days.insertOne({ _id: day, holds: [stale, ...holds] } as never)

  await numberCustomerDays(db)
  await days.insertOne({ _id: day, holds } as never)
  await numberCustomerDays(db)
  await numberCustomerDays(db)

  const there = await aPaymentHub(db, hub)
  const submit = (amount: string) => there.paymentService.submit(wallet, hub.submission(of(amount)))
  expect(await submit('300.01')).toMatchObject({ code: 'LIMIT_PER_DAY', used: money(70_000n, 'CNY') })
  expect(await submit('300')).toMatchObject({ payment: { customerDay: { id: day, number: 3 } } })
  expect(await db.listCollections({ name: 'customerDays' }).toArray()).toEqual([])
})
