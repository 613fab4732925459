import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { StepKind } from '../../../../subgraphs/log/entry.ts'
import { openTransactionSubgraph, type TransactionSubgraph } from '../../../../subgraphs/transaction/index.ts'
import { aClock, aDirectory, aRegistry, as, quietLog } from '../../../fixtures/a-programme.ts'
import { untilLogged } from '../../../fixtures/until-logged.ts'
import { freshDatabase } from '../../../harness/mongo.ts'

const { db } = await freshDatabase()
const clock = aClock()
let subgraph: TransactionSubgraph
beforeAll(async () => {
  const settings = {
    registry: aRegistry(),
    directory: aDirectory(),
    now: clock.now,
    logger: quietLog,
  }
  subgraph = await openTransactionSubgraph({ ...settings, db, cursorSecret: 'secret' })
})
afterAll(() => subgraph.close())

const happens = (id: string, kind: StepKind, count?: number) =>
  untilLogged(subgraph.logReader, id, kind, count)

const pay = async (reference: string): Promise<string> => {
  const { data, errors } = await subgraph.app.graphql(
    `mutation ($input: SubmitPaymentInput!) {
      submitPayment(input: $input) { ... on PaymentReceipt { payment { id } } ... on Problem { code message } }
    }`,
    { ...as('wallet-sg-01') },
    {
      input: {
        idempotencyKey: reference,
        reference,
        merchant: 'acquirer-cn-02.M1',
        amount: { amount: '10.00', currency: 'CNY' },
        payerCurrency: 'SGD',
      },
    },
  )
  expect(errors).toBeUndefined()
  return (data as { submitPayment: { payment: { id: string } } }).submitPayment.payment.id
}

const stepsOf = async (id: string): Promise<string[]> => {
  const found = await db
    .collection<{ _id: string; events: { kind: string }[] }>('payments')
    .findOne({ _id: id })
  return found!.events.map(({ kind }) => kind)
}

/** Moves the clock, and waits for the step that is due then. */
const then = async (id: string, ms: number, kind: StepKind, count = 1) => {
  clock.move(ms)
  await happens(id, kind, count)
}

const inDoubt = ['SUBMITTED', 'SENT', 'TIMED_OUT', 'INQUIRED']
const reversing = [...inDoubt, 'INQUIRED', 'INQUIRED', 'REVERSAL_STARTED']

describe('a sandbox payment, over the log and the simulator', () => {
  test('SIM-AB05 is not answered, and approved by the inquiry', async () => {
    const id = await pay('SIM-AB05')
    await happens(id, 'SENT')
    await then(id, 8_000, 'TIMED_OUT')
    await then(id, 1_000, 'APPROVED')
    expect(await stepsOf(id)).toEqual([...inDoubt, 'APPROVED'])
  })

  test('SIM-LATE is approved after its reversal began: the approval is kept without effect', async () => {
    const id = await pay('SIM-LATE')
    await then(id, 8_000, 'TIMED_OUT')
    await then(id, 1_000, 'INQUIRED', 1)
    await then(id, 3_000, 'INQUIRED', 2)
    await then(id, 9_000, 'INQUIRED', 3)
    await then(id, 9_000, 'REVERSAL_ACKNOWLEDGED')
    expect(await stepsOf(id)).toEqual([...reversing, 'LATE_MESSAGE', 'REVERSAL_ACKNOWLEDGED'])
  })

  test('SIM-NOAS is never answered: its reversal is repeated', async () => {
    const id = await pay('SIM-NOAS')
    await then(id, 8_000, 'TIMED_OUT')
    await then(id, 1_000, 'INQUIRED', 1)
    await then(id, 3_000, 'INQUIRED', 2)
    await then(id, 9_000, 'INQUIRED', 3)
    await then(id, 9_000, 'REVERSAL_STARTED')
    await then(id, 5_000, 'REVERSAL_RETRIED', 1)
    await then(id, 15_000, 'REVERSAL_RETRIED', 2)
    expect(await stepsOf(id)).toEqual([...reversing, 'REVERSAL_RETRIED', 'REVERSAL_RETRIED'])
  })
})
