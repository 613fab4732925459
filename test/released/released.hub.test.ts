// Databases that earlier releases have written, opened by the hub of today.

import { globSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { migrations } from '../../gateway/app/migrations.ts'
import { readDump } from '../../gateway/cli/dump.ts'
import { verify } from '../../gateway/verify/verify.ts'
import { freshDatabase } from '../harness/mongo.ts'
import { testHub } from '../hub/hub.ts'

const dumps = globSync('*.bson.gz', { cwd: import.meta.dirname })

test.each(dumps)(
  'the database of %s serves the hub of today, and all checks of verify hold',
  async (file) => {
    const database = await freshDatabase()
    await readDump(path.join(import.meta.dirname, file), database.db)
    const hub = await testHub(database)
    const version = await database.db.collection<{ _id: string }>('meta').findOne({ _id: 'schema' })
    expect(version).toMatchObject({ version: migrations.at(-1)?.version ?? 1 })

    const wallet = hub.as('demo-wallet')
    const outcomes = { completed: 'COMPLETED', cancelled: 'CANCELLED', 'SIM-AM04': 'DECLINED' }
    for (const [reference, status] of Object.entries(outcomes)) {
      const { data } = await wallet.ask('PaymentByReference', { reference: { reference } })
      expect(data.transactionByReference).toMatchObject({ reference, status })
    }
    const { merchant } = (await database.db
      .collection('payments')
      .findOne({ reference: 'completed' })) as unknown as {
      merchant: string
    }
    const submit = (reference: string) =>
      wallet.ask('SubmitPayment', {
        input: {
          idempotencyKey: reference,
          reference,
          merchant,
          amount: { amount: '20.00', currency: 'CNY' },
          customer: 'a customer',
        },
      })
    // The key that the earlier release has stored is known, and a new payment completes.
    expect((await submit('completed')).data.submitPayment).toMatchObject({ replayed: true })
    const paid = (await submit('after the upgrade')).data.submitPayment
    expect(paid).toMatchObject({ replayed: false })
    for await (const { data } of wallet.follow('FollowPayment', { id: paid.payment.id }))
      if (data.transactionUpdated.transaction.status === 'COMPLETED') break
    await hub.close()
    expect((await verify(database.uri, database.name)).filter(({ failed }) => failed > 0)).toEqual([])
  },
)
