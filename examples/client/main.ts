// Pays, and follows the payment by the typed client:
//   npx node examples/client/main.ts [HUB]

import { randomUUID } from 'node:crypto'
import { CrossgateClient } from './crossgate.ts'
import { FollowPayment, Rates, SubmitPayment } from './documents.ts'

const [url = 'http://127.0.0.1:4000'] = process.argv.slice(2)
const wallet = new CrossgateClient({ url, key: 'demo-wallet' })

const { rates } = await wallet.query(Rates, { sources: ['SGD'] })
console.log(`1 SGD is ${rates[0]?.value} CNY`)

// A wallet stores the key with its order before it pays, and so sends the same one after a crash.
const idempotencyKey = randomUUID()
const { submitPayment } = await wallet.mutate(SubmitPayment, {
  input: {
    idempotencyKey,
    reference: idempotencyKey.slice(0, 25),
    merchant: 'acquirer-cn-01.W000001',
    amount: { amount: '25.00', currency: 'CNY' },
  },
})
if (submitPayment.__typename !== 'PaymentReceipt') throw new Error(JSON.stringify(submitPayment))
const { id } = submitPayment.payment
console.log(`Payment ${id} is ${submitPayment.payment.status}`)

// The stream begins with where the payment stands. A completed payment may be refunded, so its stream stays
// open.
const decided = new Set(['COMPLETED', 'DECLINED', 'FAILED', 'EXPIRED', 'REVERSED', 'CANCELLED'])
for await (const { data } of wallet.follow(FollowPayment, { id })) {
  const { to, transaction } = data.transactionUpdated
  console.log(`${to} at ${transaction.merchant.name}`)
  if (decided.has(to)) break
}
