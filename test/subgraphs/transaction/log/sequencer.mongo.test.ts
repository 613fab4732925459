import fc from 'fast-check'
import type { Db } from 'mongodb'
import { beforeEach, describe, expect, test, vi } from 'vitest'
import type { ParticipantId, PaymentId } from '../../../../schema/values/id.ts'
import { money } from '../../../../schema/values/money.ts'
import { startLogReader } from '../../../../subgraphs/log/reader.ts'
import { trimLog } from '../../../../subgraphs/log/retention.ts'
import { connect } from '../../../../subgraphs/platform/mongo/client.ts'
import {
  createPaymentService,
  type PaymentService,
} from '../../../../subgraphs/transaction/service/payment-service.ts'
import type { PaymentReceipt } from '../../../../subgraphs/transaction/service/idempotent-payments.ts'
import {
  importPayments,
  type PastPayment,
} from '../../../../subgraphs/transaction/service/import-payments.ts'
import { builtInRates } from '../../../../subgraphs/transaction/price/rates.ts'
import { startSequencer, writeLog } from '../../../../subgraphs/transaction/log/sequencer.ts'
import {
  createPaymentStore,
  type PaymentStore,
} from '../../../../subgraphs/transaction/store/payment-store.ts'
import { freshDatabase } from '../../../harness/mongo.ts'
import { aClock, aDirectory, aMerchant, aRegistry, noon, quietLog } from '../../../fixtures/a-programme.ts'
import type { LogEntry } from '../../../../subgraphs/log/entry.ts'
import { logOf, readLog } from '../../../../subgraphs/log/store.ts'
import type { StoredCheckpoint } from '../../../../subgraphs/log/checkpoint.ts'
import { anId } from '../../../fixtures/an-id.ts'

const { mongo, uri, name } = await freshDatabase()
const wallet = anId<ParticipantId>('wallet-sg-01')
const acquirer = anId<ParticipantId>('acquirer-cn-01')

let db: Db
let store: PaymentStore
let paymentService: PaymentService
let clock: ReturnType<typeof aClock>
let databases = 0
beforeEach(async () => {
  db = mongo.db(`${name}_${++databases}`)
  store = await createPaymentStore(db)
  clock = aClock()
  paymentService = createPaymentService({
    store,
    registry: aRegistry(),
    directory: aDirectory(),
    now: clock.now,
    rates: builtInRates,
    screen: () => null,
    logger: { error: () => {} },
  })
  return () => db.dropDatabase()
})

let numbers = 0
const pay = async (): Promise<PaymentId> => {
  numbers++
  const receipt = await paymentService.submit(wallet, {
    idempotencyKey: `key ${numbers}`,
    reference: `number ${numbers}`,
    merchant: anId(`${acquirer}.M1`),
    amount: { amount: '10', currency: 'CNY' },
  })
  return (receipt as PaymentReceipt).payment._id
}
const approve = (payment: PaymentId) => paymentService.respond(acquirer, { payment, decision: 'APPROVE' })

/** Writes the log without a lease; the result stops it. */
function aSequencer(database = db, logger: Parameters<typeof writeLog>[0]['logger'] = quietLog) {
  const stopping = new AbortController()
  const lease = { signal: stopping.signal, isHeld: () => !stopping.signal.aborted }
  const done = writeLog({ db: database, logger }, lease)
  return async () => {
    stopping.abort()
    await done.catch((error: unknown) => console.error(error))
  }
}

/** Deletes every resume token of the sequencer. */
async function deleteResumeTokens() {
  await db.collection<{ _id: string }>('logState').deleteOne({ _id: 'sequencer' })
  await logOf(db).updateMany({}, { $unset: { token: true } })
}

/** Waits until the log of `db` has `count` entries, and gives them all. */
async function logged(count: number): Promise<LogEntry[]> {
  const logReader = await startLogReader({ db, logger: quietLog })
  await new Promise<void>((resolve) => {
    const check = () => logReader.tip() >= BigInt(count) && resolve()
    logReader.subscribe(check)
    check()
  })
  await logReader.close()
  return readLog(db)
}

/** Every event of every payment is in the log once, in order, at dense positions. */
async function expectOneToOne(entries: readonly LogEntry[]) {
  expect(entries.map(({ _id }) => _id)).toEqual(entries.map((_, n) => BigInt(n + 1)))
  const payments = await store.payments.find().toArray()
  for (const { _id, events } of payments) {
    const own = entries.filter(({ transaction }) => transaction === _id)
    expect(
      own.map(({ _id: _position, transaction: _transaction, payment: _payment, ...event }) => event),
    ).toEqual(events.map(({ write: _, ...event }) => event))
  }
  expect(entries).toHaveLength(payments.flatMap(({ events }) => events).length)
}

describe('the log', () => {
  test('holds with each event what projections need of its payment', async () => {
    const stop = aSequencer()
    const id = await pay()
    clock.move(250)
    await approve(id)
    const entries = await logged(3)
    await stop()
    const payment = {
      createdAt: noon,
      wallet,
      acquirer,
      merchant: anId(`${acquirer}.M1`),
      merchantCountry: 'CN',
      walletCountry: 'SG',
      corridor: 'SG-CN',
      project: null,
      direction: 'INBOUND',
      mcc: '5812',
      entryMode: 'IN_APP',
      reportingMinor: 1000n,
      authorizeMs: null,
    }
    const answeredAt = new Date(noon.getTime() + 250)
    expect(entries).toEqual([
      {
        _id: 1n,
        transaction: id,
        sequence: 1,
        kind: 'SUBMITTED',
        from: null,
        to: 'RECEIVED',
        at: noon,
        reason: null,
        payment,
      },
      {
        _id: 2n,
        transaction: id,
        sequence: 2,
        kind: 'SENT',
        from: 'RECEIVED',
        to: 'ROUTED',
        at: noon,
        reason: null,
        payment,
      },
      {
        _id: 3n,
        transaction: id,
        sequence: 3,
        kind: 'APPROVED',
        from: 'ROUTED',
        to: 'COMPLETED',
        at: answeredAt,
        reason: null,
        payment: { ...payment, authorizeMs: 250 },
        booking: (await store.byId.load(id))!.events.at(-1)!.booking,
      },
    ])
  })

  test('holds events that happened while no sequencer was running', async () => {
    const stop = aSequencer()
    const early = await pay()
    await logged(2)
    await stop()
    await approve(early)
    clock.move(10)
    const late = await pay()
    const stopAgain = aSequencer()
    await approve(late)
    const entries = await logged(6)
    await stopAgain()
    await expectOneToOne(entries)
    expect(entries.slice(2).map(({ transaction }) => transaction)).toEqual([early, late, late, late])
  })

  test('holds with each batch the token to resume from', async () => {
    const stop = aSequencer()
    // The backfill is complete, and the sequencer follows changes from here on.
    const states = db.collection('logState')
    await vi.waitUntil(async () => (await states.countDocuments()) > 0, { timeout: 10_000, interval: 10 })
    const early = await pay()
    await logged(2)
    await approve(early)
    await logged(3)
    await stop()
    // The state of a sequencer that is killed right after its last batch.
    await states.deleteMany({})
    await pay()
    const logLines: string[] = []
    const stopAgain = aSequencer(db, {
      error: quietLog.error,
      info: (_details: object | string, text = '') => void logLines.push(text),
    })
    const entries = await logged(5)
    await stopAgain()
    await expectOneToOne(entries)
    expect(logLines).toEqual([])
  })

  test('repeats no entry when a payment or its events are replaced by hand', async () => {
    const stop = aSequencer()
    const id = await pay()
    await logged(2)
    const { _id, ...payment } = (await store.payments.findOne({ _id: id }))!
    await store.payments.replaceOne({ _id }, { ...payment, reference: 'by hand' })
    await store.payments.updateOne(
      { _id },
      { $set: { events: payment.events.map((one) => ({ ...one, write: 'by hand' })) } },
    )
    await pay()
    const entries = await logged(4)
    await stop()
    await expectOneToOne(entries)
    expect(new Set((await logOf(db).indexes()).map(({ name: index }) => index))).toEqual(
      new Set(['_id_', 'last']),
    )
  })

  test('does not restore entries that the retention has deleted', async () => {
    const stop = aSequencer()
    await pay()
    await logged(2)
    clock.move(40 * 86_400_000)
    const recent = await pay()
    await logged(4)
    await stop()
    await db.collection<StoredCheckpoint>('places').insertOne({ _id: 'activity', epoch: 0, position: 4n })
    expect(await trimLog(db, new Date(clock.now().getTime() - 30 * 86_400_000), ['activity'])).toBe(2)
    await deleteResumeTokens()
    await approve(recent)
    const stopAgain = aSequencer()
    const entries = await logged(5)
    await stopAgain()
    expect(entries.map(({ _id, kind }) => [_id, kind])).toEqual([
      [3n, 'SUBMITTED'],
      [4n, 'SENT'],
      [5n, 'APPROVED'],
    ])
  })

  test('is completed when there is no token to resume from', async () => {
    const stop = aSequencer()
    const known = await pay()
    await logged(2)
    await stop()
    await approve(known)
    clock.move(10)
    await pay()
    await deleteResumeTokens()
    const stopAgain = aSequencer()
    await pay()
    const entries = await logged(7)
    await stopAgain()
    await expectOneToOne(entries)
  })

  test('is completed when its token belongs to another history', async () => {
    const stop = aSequencer()
    await pay()
    await logged(2)
    await stop()
    await approve(await pay())
    await db.collection('logState').deleteMany({})
    await logOf(db).updateOne({ last: 2n }, { $set: { token: { _data: '00' } } })
    const lost = aSequencer()
    const entries = await logged(5)
    await lost()
    await expectOneToOne(entries)
  })

  test('stays dense and complete while two sequencers start and stop at random', async () => {
    const elsewhere = await connect(uri)
    const there = elsewhere.db(db.databaseName)
    const action = fc.constantFrom(
      'pay',
      'pay',
      'approve',
      'start here',
      'start there',
      'stop here',
      'stop there',
    )
    await fc.assert(
      fc.asyncProperty(fc.array(action, { minLength: 5, maxLength: 30 }), async (actions) => {
        const open: PaymentId[] = []
        const stops = { here: async () => {}, there: async () => {} }
        let writing = { here: false, there: false }
        const start = (side: 'here' | 'there') => {
          if (!writing[side]) stops[side] = aSequencer(side === 'here' ? db : there)
          writing = { ...writing, [side]: true }
        }
        const stop = async (side: 'here' | 'there') => {
          await stops[side]()
          writing = { ...writing, [side]: false }
        }
        for (const act of actions) {
          if (act === 'pay') open.push(await pay())
          else if (act === 'approve') await Promise.all(open.splice(0).map(approve))
          else if (act.startsWith('start')) start(act.endsWith('here') ? 'here' : 'there')
          else await stop(act.endsWith('here') ? 'here' : 'there')
        }
        await Promise.all([stop('here'), stop('there')])
        start('here')
        start('there')
        const events = await store.payments
          .aggregate([{ $group: { _id: null, count: { $sum: '$sequence' } } }])
          .next()
        const entries = await logged(Number(events?.['count'] ?? 0))
        await Promise.all([stop('here'), stop('there')])
        await expectOneToOne(entries)
      }),
      { numRuns: 15, endOnFailure: true },
    )
    await elsewhere.close()
  }, 120_000)

  test('is continued by another process within 5 s when the sequencer dies', async () => {
    const doomed = await connect(uri)
    const doomedDb = doomed.db(db.databaseName)
    const logReader = await startLogReader({ db, logger: quietLog })
    const silent = { info: () => {}, error: () => {} }
    const doomedReader = await startLogReader({ db: doomedDb, logger: silent })
    const first = startSequencer({ db: doomedDb, logger: silent, logReader: doomedReader })
    await pay()
    await logged(2)
    const standby = startSequencer({ db, logger: quietLog, logReader })
    // The process can neither renew its lease nor release it.
    await doomed.close()
    const diedAtMs = performance.now()
    await pay()
    const entries = await logged(4)
    expect(performance.now() - diedAtMs).toBeLessThan(5000)
    await expectOneToOne(entries)
    expect(standby.isHolding()).toBe(true)
    await Promise.all([first.close(), standby.close(), doomedReader.close()])
    await logReader.close()
  })
})

describe('importing past payments', () => {
  const pastPayments = (count: number): PastPayment[] =>
    Array.from({ length: count }, (_, n) => ({
      id: anId(`0199${n.toString(16).padStart(4, '0')}-0000-7000-8000-000000000000`),
      createdAt: new Date(noon.getTime() + n * 1000),
      wallet,
      merchant: aMerchant(`${acquirer}.M1`),
      amount: money(BigInt(100 + n), 'CNY'),
      entryMode: 'MPM_STATIC',
      customer: `customer ${n % 7}`,
      reference: `past ${n}`,
      declined: n % 10 === 0 ? 'INSUFFICIENT_FUNDS' : null,
      authorizeMs: 500 + (n % 5) * 400,
    }))

  test('writes complete payments, and a log in order of time', async () => {
    await importPayments(db, aRegistry(), pastPayments(300))
    const entries = await logged(900)
    await expectOneToOne(entries)
    const times = entries.map(({ at }) => at.getTime())
    expect(times).toEqual(times.toSorted((a, b) => a - b))
    const [declined, completed] = await store.payments.find({}, { sort: { _id: 1 }, limit: 2 }).toArray()
    expect(declined).toMatchObject({ status: 'DECLINED', reason: 'INSUFFICIENT_FUNDS', createdAt: noon })
    expect(completed).toMatchObject({
      status: 'COMPLETED',
      settlementDate: '2026-03-01',
      settlement: 'PENDING',
      merchantAmount: { minor: 101n, currency: 'CNY' },
      payerAmount: { currency: 'SGD' },
      rrn: expect.stringMatching(/^\d{12}$/),
    })
    expect(entries.find(({ kind }) => kind === 'APPROVED')!.payment.authorizeMs).toBe(900)
  })

  test('twice has the effect of once, and new payments are logged after them', async () => {
    await importPayments(db, aRegistry(), pastPayments(20))
    await importPayments(db, aRegistry(), pastPayments(20))
    const stop = aSequencer()
    await pay()
    const entries = await logged(62)
    await stop()
    await expectOneToOne(entries)
  })

  test('leaves the log to a running sequencer', async () => {
    const logReader = await startLogReader({ db, logger: quietLog })
    const sequencer = startSequencer({ db, logger: quietLog, logReader })
    await pay()
    await logged(2)
    await importPayments(db, aRegistry(), pastPayments(50))
    const entries = await logged(152)
    await sequencer.close()
    await logReader.close()
    await expectOneToOne(entries)
  })

  test('of an unknown wallet is refused with its id', async () => {
    const [past] = pastPayments(1)
    await expect(
      importPayments(db, aRegistry(), [{ ...past!, wallet: anId('wallet-unknown') }]),
    ).rejects.toThrow('there is no wallet "wallet-unknown"')
  })
})
