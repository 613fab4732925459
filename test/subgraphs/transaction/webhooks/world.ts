// Webhooks over a real database, log and HTTP: participants that pay, and a clock that tests move.

import type { Db } from 'mongodb'
import { expect, onTestFinished, vi } from 'vitest'
import { isRefusal, type Refusal } from '../../../../schema/values/problems.ts'
import { readTip, startLogReader } from '../../../../subgraphs/log.ts'
import { shownOf } from '../../../../subgraphs/projection.ts'
import { createCashier, type RefundReceipt } from '../../../../subgraphs/transaction/cashier.ts'
import type { PaymentReceipt } from '../../../../subgraphs/transaction/once.ts'
import { customerDays } from '../../../../subgraphs/transaction/customer-days.ts'
import { createCursors } from '../../../../subgraphs/transaction/live/cursor.ts'
import { builtInRates } from '../../../../subgraphs/transaction/price/rates.ts'
import { startSequencer } from '../../../../subgraphs/transaction/log/sequencer.ts'
import { createStore } from '../../../../subgraphs/transaction/store.ts'
import type { Reach } from '../../../../subgraphs/address.ts'
import type { SecretMade } from '../../../../subgraphs/transaction/webhooks/desk.ts'
import { outboxName } from '../../../../subgraphs/transaction/webhooks/outbox.ts'
import { openWebhooks } from '../../../../subgraphs/transaction/webhooks/webhooks.ts'
import { aClock, aDirectory, aReference, as, quietLog } from '../world.ts'

export const cursors = createCursors('a secret')
let numbers = 0

/** One process: it ends with the test. Its clock stands, at what time it really is, until it is moved. */
export async function aProcess(
  db: Db,
  options: { sends?: boolean; reach?: Reach; clock?: ReturnType<typeof aClock> } = {},
) {
  const { sends = false, reach = 'LOOPBACK', clock = aClock(new Date()) } = options
  const { now } = clock
  const reference = aReference()
  const store = await createStore(db)
  const reader = await startLogReader({ db, log: quietLog })
  const log = { ...quietLog, error: vi.fn<(fields: unknown, message?: string) => void>() }
  const sequencer = startSequencer({ db, log: quietLog, reader })
  const payments = store.byId
  const webhooks = await openWebhooks({ db, reader, reference, payments, cursors, now, log, reach, sends })
  onTestFinished(async () => {
    await webhooks.close()
    await sequencer.close()
    await reader.close()
    expect(log.error.mock.calls).toEqual([])
  })
  const cashier = createCashier({
    store,
    days: await customerDays(db, now),
    reference,
    directory: aDirectory(),
    now,
    rates: builtInRates,
    screen: () => null,
    log: quietLog,
  })
  return {
    ...webhooks,
    reference,
    clock,
    store,
    /** A webhook of a participant; its secret is what the mutation gave. */
    async subscribe(owner: string, url: string, events: readonly string[] = ['*']) {
      const input = { idempotencyKey: `key ${++numbers}`, url, events }
      const { webhook, secret } = must<SecretMade>(await webhooks.desk.create(as(owner), input))
      return { id: webhook._id, secret: secret! }
    },
    async pay(wallet = 'wallet-sg-01', merchant = 'acquirer-cn-01.M1', currency = 'CNY'): Promise<string> {
      const number = `number ${++numbers}`
      const amount = { amount: '88.5', currency }
      const input = { idempotencyKey: number, reference: number, merchant, amount }
      return must<PaymentReceipt>(await cashier.submit(wallet, input)).payment._id
    },
    approve: async (payment: string, acquirer = 'acquirer-cn-01') =>
      must(await cashier.respond(acquirer, { payment, decision: 'APPROVE' })),
    async refund(payment: string, amount: string, wallet = 'wallet-sg-01'): Promise<string> {
      const input = { idempotencyKey: `key ${++numbers}`, payment, amount: { amount, currency: 'CNY' } }
      return must<RefundReceipt>(await cashier.refund(wallet, input)).refund.refund._id
    },
    /** Resolves when everything that `events` have put into the log is put down as deliveries. */
    async written(events: number) {
      await vi.waitFor(
        async () => {
          const tip = await readTip(db)
          expect(tip).toBeGreaterThanOrEqual(BigInt(events))
          expect((await shownOf(db, outboxName)).position).toBe(tip)
        },
        { timeout: 20_000, interval: 20 },
      )
    },
    /** Deliveries as their owner sees them, newest first. */
    async deliveries(owner: string, webhook: string) {
      const page = await webhooks.desk.deliveries(as(owner), { webhook, first: 100 })
      return page.edges.map(({ node }) => node)
    },
  }
}

export function must<Value>(value: Value | Refusal): Value {
  if (isRefusal(value)) throw new Error(`refused: ${value.code} ${value.message}`)
  return value
}
