import fc from 'fast-check'
import { hash } from 'node:crypto'
import type { Db } from 'mongodb'
import { XMLParser, XMLValidator } from 'fast-xml-parser'
import { beforeEach, describe, expect, test } from 'vitest'
import type { ParticipantId } from '../../../../schema/values/id.ts'
import { isRefusal } from '../../../../schema/values/problems.ts'
import { openAuditLog } from '../../../../subgraphs/shared/audit-log.ts'
import { createIdempotentWriter } from '../../../../subgraphs/shared/idempotent-writer.ts'
import type { SettlementBatch } from '../../../../subgraphs/transaction/settlement/batch.ts'
import {
  openBatchCloser,
  startBatchCompletion,
  type BatchCloser,
} from '../../../../subgraphs/transaction/settlement/batch-closer.ts'
import {
  createSettlementIndexes,
  settlementBatchesOf,
} from '../../../../subgraphs/transaction/settlement/batch-store.ts'
import { filesOf, readFile, type FileFormat } from '../../../../subgraphs/transaction/settlement/files.ts'
import { describeIdempotency } from '../../../contracts/idempotency.ts'
import { connectAgain, freshDatabase } from '../../../harness/mongo.ts'
import { aClock, aRegistry, quietLog } from '../../../fixtures/a-programme.ts'
import { BookedLog, sumsOf } from '../../../fixtures/a-booked-log.ts'
import { anId } from '../../../fixtures/an-id.ts'

const database = await freshDatabase()
const { mongo, name } = database
const elsewhere = await connectAgain(database)
/** Long after the dates that are closed here. */
const clock = aClock(new Date('2026-04-01T00:00:00Z'))
const dates = ['2026-03-01', '2026-03-02', '2026-03-03'] as const
const [day, nextDay] = dates

const operator = { actor: anId<ParticipantId>('operator'), key: 'a key', requestId: 'a request' }

let db: Db
let log: BookedLog
let batchCloser: BatchCloser
let databases = 0
let keys = 0

const aBatchCloser = async (at: Db, waitMs = 10_000): Promise<BatchCloser> =>
  openBatchCloser({
    db: at,
    idempotentWriter: await createIdempotentWriter(at),
    audit: await openAuditLog(at),
    registry: aRegistry(),
    now: clock.now,
    logger: quietLog,
    waitMs,
  })

async function begin(): Promise<void> {
  db = mongo.db(`${name}_${++databases}`)
  await createSettlementIndexes(db)
  log = new BookedLog(db)
  batchCloser = await aBatchCloser(db)
}
beforeEach(async () => {
  await begin()
  return () => db.dropDatabase()
})

/** Closes a date under an unused key. */
async function close(date: string, by = batchCloser): Promise<SettlementBatch & { status: 'CLOSED' }> {
  const batch = await by.closeDate(operator, { idempotencyKey: `key ${++keys}`, settlementDate: date })
  if (isRefusal(batch)) throw new Error(batch.message)
  if (batch.status !== 'CLOSED') throw new Error(`${batch._id} is ${batch.status}`)
  return batch
}

async function textOf(
  batch: SettlementBatch,
  format: FileFormat,
  owner: string | null = null,
): Promise<string> {
  const { attempt } = batch as SettlementBatch & { status: 'CLOSED' }
  const file = (await filesOf(db).findOne({
    batch: batch._id,
    attempt,
    format,
    owner: owner === null ? null : anId<ParticipantId>(owner),
  }))!
  const pieces: Uint8Array[] = []
  for await (const piece of readFile(db, file)) pieces.push(piece)
  const bytes = Buffer.concat(pieces)
  expect(file).toMatchObject({ sha256: hash('sha256', bytes, 'hex'), bytes: bytes.length })
  return bytes.toString()
}

/** "id/KIND" of each row. */
async function rowsOf(batch: SettlementBatch, owner: string | null = null): Promise<string[]> {
  const lines = (await textOf(batch, 'CSV', owner)).split('\r\n').slice(1, -1)
  return lines.map((line) => line.split(',').slice(0, 2).join('/'))
}

const header =
  'id,kind,payment,rrn,reference,completed_at,settlement_date,corridor,wallet,acquirer,merchant,merchant_amount,merchant_currency,payer_amount,payer_currency,fee,fee_currency,rate\r\n'

describeIdempotency('closing a date', {
  clock,
  async open() {
    await log.pay({ date: day })
    await log.project()
    return [batchCloser, await aBatchCloser(elsewhere.db(db.databaseName))] as const
  },
  call: (closers, idempotencyKey, input, process) =>
    closers[process].closeDate(operator, {
      idempotencyKey,
      settlementDate: input === 'first' ? day : nextDay,
    }),
  effects: () => settlementBatchesOf(db).countDocuments(),
})

describe('closing a date', () => {
  test('without bookings gives an empty batch, whose file has a header row', async () => {
    await log.project()
    const batch = await close(day)
    expect(batch).toMatchObject({
      _id: 'settlement-2026-03-01',
      number: 1,
      settlementDate: day,
      status: 'CLOSED',
      payments: 0,
      refunds: 0,
      net: [],
      parts: [],
    })
    expect(await textOf(batch, 'CSV')).toBe(header)
    const file = await filesOf(db).findOne({ batch: batch._id, format: 'CSV' })
    // sha256sum of that one line.
    expect(file!.sha256).toBe('28f5d751a92ca0be9b0dbcf49ab7eebec7102f3d127425b6ccaa3619e6d069a5')
  })

  test('nets what every participant receives and owes, and marks each payment and refund SETTLED', async () => {
    const one = await log.pay({ date: day, minor: 300_00n })
    const other = await log.pay({ date: day, wallet: 'wallet-th-01', minor: 10_00n })
    const refund = await log.refund(one, day)
    const tomorrow = await log.pay({ date: nextDay })
    await log.project()
    const batch = await close(day)
    expect(batch).toMatchObject({ payments: 2, refunds: 1 })
    expect(batch.net.filter(({ participant }) => participant !== 'operator')).toEqual([
      { participant: 'acquirer-cn-01', currency: 'CNY', minor: 300_00n + 10_00n - 150_00n },
      { participant: 'wallet-sg-01', currency: 'SGD', minor: -(57_07n - 28_53n) },
      { participant: 'wallet-th-01', currency: 'SGD', minor: -1_97n },
    ])
    expect(batch.parts.filter(({ participant }) => participant !== 'operator')).toEqual([
      { participant: 'acquirer-cn-01', payments: 2, refunds: 1 },
      { participant: 'wallet-sg-01', payments: 1, refunds: 1 },
      { participant: 'wallet-th-01', payments: 1, refunds: 0 },
    ])
    expect(await rowsOf(batch)).toEqual([`${one}/PAYMENT`, `${other}/PAYMENT`, `${refund}/REFUND`])
    expect(await rowsOf(batch, 'wallet-th-01')).toEqual([`${other}/PAYMENT`])
    const payments = await db
      .collection('payments')
      .find({}, { sort: { _id: 1 } })
      .toArray()
    expect(payments.map(({ _id, settlement, batch: batchId }) => [_id, settlement, batchId])).toEqual([
      [one, 'SETTLED', batch._id],
      [other, 'SETTLED', batch._id],
      [tomorrow, 'PENDING', undefined],
    ])
    expect(payments[0]!['refunds']).toEqual([{ _id: refund, settlement: 'SETTLED', batch: batch._id }])
  })

  test('that is closed gives its batch under any key', async () => {
    await log.pay({ date: day })
    await log.project()
    const first = await close(day)
    await log.pay({ date: day })
    await log.project()
    expect(await close(day)).toEqual(first)
    const audit = await db.collection('audit').find().toArray()
    expect(audit).toMatchObject([
      { actor: 'operator', action: 'closeSettlement', target: `settlement:${day}`, before: null },
    ])
  })

  test('is refused until its cut-off has passed in the last zone, and then succeeds under the same key', async () => {
    await log.project()
    const input = { idempotencyKey: 'early', settlementDate: day }
    const zones = [
      { offsetMinutes: 480, cutOff: '23:00' },
      { offsetMinutes: -180, cutOff: '24:00' },
    ]
    const registry = aRegistry()
    zones.forEach((settlementZone, n) => {
      const corridor = [...registry.corridors.values()][n]!
      registry.corridors.set(corridor.id, { ...corridor, settlementZone })
    })
    // 24:00 three hours west of UTC.
    const end = new Date('2026-03-02T03:00:00Z')
    const at = aClock(new Date(end.getTime() - 1))
    const early = openBatchCloser({
      db,
      idempotentWriter: await createIdempotentWriter(db),
      audit: await openAuditLog(db),
      registry,
      now: at.now,
      logger: quietLog,
    })
    for (const settlementDate of [day, '2026-03-02', '2030-01-01']) {
      expect(
        await early.closeDate(operator, { idempotencyKey: `early ${settlementDate}`, settlementDate }),
      ).toMatchObject({ code: 'SETTLEMENT_OPEN', retryable: true, path: ['input', 'settlementDate'] })
    }
    expect(await early.closeDate(operator, input)).toMatchObject({
      code: 'SETTLEMENT_OPEN',
      message: expect.stringContaining(end.toISOString()),
    })
    at.move(1)
    expect(await early.closeDate(operator, input)).toMatchObject({ status: 'CLOSED', settlementDate: day })
  })

  test('takes late bookings of dates closed earlier, once', async () => {
    const early = await log.pay({ date: day })
    await log.project()
    expect(await rowsOf(await close(day))).toEqual([`${early}/PAYMENT`])
    const late = await log.pay({ date: day })
    const next = await log.pay({ date: nextDay })
    await log.project()
    expect(await rowsOf(await close(nextDay))).toEqual([`${next}/PAYMENT`, `${late}/PAYMENT`])
    await log.project()
    expect(await rowsOf(await close(dates[2]))).toEqual([])
  })

  test('lists a payment cancelled in the same batch as two rows that cancel out, and does not count it', async () => {
    const [kept, gone] = [await log.pay({ date: day }), await log.pay({ date: day })]
    await log.cancel(gone, day)
    await log.project()
    const batch = await close(day)
    expect(batch).toMatchObject({ payments: 1, refunds: 0 })
    expect(await rowsOf(batch)).toEqual([`${kept}/PAYMENT`, `${gone}/PAYMENT`, `${gone}/CANCELLATION`])
    await log.cancel(kept, nextDay)
    await log.project()
    const next = await close(nextDay)
    expect(next).toMatchObject({ payments: 0, refunds: 0 })
    const [line] = (await textOf(next, 'CSV')).split('\r\n').slice(1)
    expect(line).toContain(',CANCELLATION,')
    expect(line).toContain(',-88.50,CNY,-16.88,SGD,')
    expect(next.net).toEqual(batch.net.map((net) => ({ ...net, minor: -net.minor })))
  })
})

describe('batches', () => {
  test('hold every booking exactly once, in any order of closing, with late bookings and concurrent closers', async () => {
    const date = fc.constantFrom(...dates)
    const minor = fc.oneof(fc.bigInt(2n, 1_000_00n), fc.constant(9_000_000_000_000_000n))
    const action = fc.oneof(
      {
        weight: 5,
        arbitrary: fc.record({
          act: fc.constant('pay' as const),
          date,
          minor,
          wallet: fc.constantFrom('w1', 'w2'),
          acquirer: fc.constantFrom('a1', 'a2', 'w2'),
        }),
      },
      fc.record({ act: fc.constant('refund' as const), date, of: fc.nat(50) }),
      fc.record({ act: fc.constant('cancel' as const), date, of: fc.nat(50) }),
      fc.record({
        act: fc.constant('close' as const),
        dates: fc.array(date, { minLength: 1, maxLength: 4 }),
      }),
    )
    await fc.assert(
      fc.asyncProperty(
        fc.array(action, { maxLength: 30 }),
        fc.shuffledSubarray([...dates], { minLength: dates.length }),
        async (actions, inTheEnd) => {
          await begin()
          const other = await aBatchCloser(elsewhere.db(db.databaseName))
          const touched = new Set<string>()
          const untouched = (of: number): string | undefined => {
            const id = log.payments[of % Math.max(1, log.payments.length)]?._id
            if (id === undefined || touched.has(id)) return undefined
            touched.add(id)
            return id
          }
          for (const one of actions) {
            if (one.act === 'pay') await log.pay(one)
            else if (one.act === 'close') {
              await log.project()
              await Promise.all(one.dates.map((each, n) => close(each, n % 2 ? other : batchCloser)))
            } else {
              const id = untouched(one.of)
              if (id !== undefined) await log[one.act](id, one.date)
            }
          }
          await log.project()
          for (const each of inTheEnd) await close(each)
          // Every date is closed: late bookings fall to the next batch, of any date.
          await close('2026-03-04')

          const batches = (await settlementBatchesOf(db)
            .find({}, { sort: { number: 1 } })
            .toArray()) as never as {
            _id: string
            number: number
            marked: boolean
          }[]
          expect(batches.map(({ number }) => number)).toEqual(batches.map((_, n) => n + 1))
          expect(batches.every(({ marked }) => marked)).toBe(true)
          const rows: string[] = []
          const nets = new Map<string, bigint>()
          for (const { _id } of batches) {
            const batch = await close(_id.slice('settlement-'.length))
            rows.push(...(await rowsOf(batch)))
            const perCurrency = new Map<string, bigint>()
            for (const { participant, currency, minor: net } of batch.net) {
              perCurrency.set(currency, (perCurrency.get(currency) ?? 0n) + net)
              const key = `${participant}/${currency}`
              nets.set(key, (nets.get(key) ?? 0n) + net)
            }
            expect([...perCurrency.values()].every((sum) => sum === 0n)).toBe(true)
          }
          expect(rows.toSorted()).toEqual(log.booked.map(({ id, kind }) => `${id}/${kind}`).toSorted())
          for (const [key, net] of nets) if (net === 0n) nets.delete(key)
          expect(nets).toEqual(sumsOf(log.booked.flatMap(({ booking }) => booking.postings)))
          const pending = await db.collection('payments').countDocuments({
            $or: [{ settlement: 'PENDING' }, { 'refunds.settlement': 'PENDING' }],
          })
          expect(pending).toBe(0)
          await db.dropDatabase()
        },
      ),
      { numRuns: 25 },
    )
  }, 120_000)

  test('are one per date, with consecutive numbers, when many calls close dates at once', async () => {
    for (const date of dates) for (let n = 0; n < 5; n++) await log.pay({ date })
    await log.project()
    const others = await Promise.all(Array.from({ length: 4 }, () => aBatchCloser(db)))
    const closed = await Promise.all(others.flatMap((one) => dates.map((date) => close(date, one))))
    expect(new Set(closed.map(({ _id }) => _id)).size).toBe(dates.length)
    const stored = await settlementBatchesOf(db)
      .find({}, { sort: { number: 1 } })
      .toArray()
    expect(stored.map(({ number }) => number)).toEqual([1, 2, 3])
    for (const { _id } of stored) {
      expect(await filesOf(db).countDocuments({ batch: _id, format: 'CSV', owner: null })).toBe(1)
    }
  })
})

describe('an incomplete batch', () => {
  test('is completed by the next call', async () => {
    const paid = await log.pay({ date: day })
    const hasty = await aBatchCloser(db, 1)
    // The bookings are not projected yet, so the batch cannot be completed.
    const input = { idempotencyKey: 'k', settlementDate: day }
    expect(await hasty.closeDate(operator, input)).toMatchObject({ status: 'CLOSING' })
    await hasty.close()
    const later = await log.pay({ date: day })
    await log.project()
    const batch = (await batchCloser.closeDate(operator, input)) as SettlementBatch
    expect(batch).toMatchObject({ status: 'CLOSED', payments: 1 })
    // The definition stays: the second payment was booked after it.
    expect(await rowsOf(batch)).toEqual([`${paid}/PAYMENT`])
    expect(await rowsOf(await close(nextDay))).toEqual([`${later}/PAYMENT`])
  })

  test.each([
    { when: 'before it was closed', undo: { status: 'CLOSING', marked: false } },
    { when: 'after it was closed, before its payments were marked SETTLED', undo: { marked: false } },
  ])('$when is completed by the next process, with the same files', async ({ undo }) => {
    const paid = await log.pay({ date: day })
    const refund = await log.refund(paid, day)
    await log.project()
    const before = await close(day)
    const csv = await textOf(before, 'CSV')
    const xml = await textOf(before, 'PACS_008')
    await settlementBatchesOf(db).updateOne({ _id: before._id }, { $set: undo as never })
    await db
      .collection('payments')
      .updateOne(
        {},
        { $set: { settlement: 'PENDING', 'refunds.0.settlement': 'PENDING' }, $unset: { batch: 1 } },
      )
    await db.collection('settlementFilePieces').insertOne({
      _id: { file: `${before._id}/an abandoned attempt/CSV/`, n: 0 } as never,
      bytes: Buffer.from('half'),
    })
    const changes = settlementBatchesOf(db).watch([
      { $match: { 'updateDescription.updatedFields.marked': true } },
    ])
    const seen = changes.next()
    const completion = startBatchCompletion({ db, logger: quietLog }, batchCloser)
    await seen
    await changes.close()
    await completion.close()
    const after = await close(day)
    expect({ ...after, attempt: null }).toEqual({ ...before, attempt: null })
    expect([await textOf(after, 'CSV'), await textOf(after, 'PACS_008')]).toEqual([csv, xml])
    expect(await db.collection('payments').findOne()).toMatchObject({
      settlement: 'SETTLED',
      batch: after._id,
      refunds: [{ _id: refund, settlement: 'SETTLED', batch: after._id }],
    })
    if ('status' in undo) {
      expect(await db.collection('settlementFilePieces').countDocuments({ bytes: Buffer.from('half') })).toBe(
        0,
      )
    }
  })
})

describe('the files of a batch', () => {
  const nasty = '=HYPERLINK("http://x"),\r\n<&>\'" \u0007 ไทย'

  test('escape text of clients, so that it is no formula, column or tag', async () => {
    const paid = await log.pay({ date: day, reference: nasty, minor: 300_00n })
    await log.decline(await log.pay({ date: nextDay, reference: `-${nasty}` }), 'INSUFFICIENT_FUNDS')
    await log.project()
    const batch = await close(day)
    expect(await textOf(batch, 'CSV')).toBe(
      `${header}${paid},PAYMENT,${paid},000000000001,"'=HYPERLINK(""http://x""),\r\n<&>'"" \u0007 ไทย",2026-03-01T04:00:00.000Z,${day},SG-CN,wallet-sg-01,acquirer-cn-01,acquirer-cn-01.M1,300.00,CNY,57.07,SGD,0.05,SGD,5.52\r\n`,
    )
    for (const format of ['PACS_008', 'PACS_002'] as const) {
      expect(XMLValidator.validate(await textOf(batch, format))).toBe(true)
    }
  })

  test('as ISO 20022 messages give the number and sums of transfers, and the reasons of declines', async () => {
    const parser = new XMLParser({
      ignoreAttributes: false,
      parseTagValue: false,
      isArray: (tag) => ['CdtTrfTxInf', 'TxInfAndSts', 'TtlIntrBkSttlmAmt'].includes(tag),
    })
    const one = await log.pay({ date: day, minor: 300_00n })
    const gone = await log.pay({ date: day })
    await log.cancel(gone, day)
    const refund = await log.refund(one, day)
    const declined = await log.pay({ date: nextDay })
    await log.decline(declined, 'INSUFFICIENT_FUNDS')
    await log.project()
    const batch = await close(day)
    const transfers = parser.parse(await textOf(batch, 'PACS_008')).Document
    expect(transfers['@_xmlns']).toBe('urn:iso:std:iso:20022:tech:xsd:pacs.008.001.08')
    const { GrpHdr: head, CdtTrfTxInf: lines } = transfers.FIToFICstmrCdtTrf
    expect(head).toMatchObject({
      MsgId: batch._id,
      CreDtTm: batch.fixedAt.toISOString(),
      NbOfTxs: '2',
      TtlIntrBkSttlmAmt: [{ '#text': '450.00', '@_Ccy': 'CNY' }],
      IntrBkSttlmDt: day,
    })
    expect(lines).toHaveLength(2)
    const cents = lines.map((line: { IntrBkSttlmAmt: { '#text': string } }) =>
      BigInt(line.IntrBkSttlmAmt['#text'].replace('.', '')),
    )
    expect(cents.reduce((sum: bigint, each: bigint) => sum + each, 0n)).toBe(450_00n)
    expect(lines[0]).toMatchObject({
      PmtId: { TxId: one.replaceAll('-', ''), ClrSysRef: '000000000001' },
      InstdAmt: { '#text': '57.07', '@_Ccy': 'SGD' },
      DbtrAgt: { FinInstnId: { Othr: { Id: 'wallet-sg-01' } } },
      CdtrAgt: { FinInstnId: { Othr: { Id: 'acquirer-cn-01' } } },
      Purp: { Prtry: 'PAYMENT' },
    })
    expect(lines[1]).toMatchObject({
      PmtId: { TxId: refund.replaceAll('-', '') },
      DbtrAgt: { FinInstnId: { Othr: { Id: 'acquirer-cn-01' } } },
      CdtrAgt: { FinInstnId: { Othr: { Id: 'wallet-sg-01' } } },
      Purp: { Prtry: 'REFUND' },
    })
    const report = parser.parse(await textOf(batch, 'PACS_002')).Document.FIToFIPmtStsRpt
    expect(report.OrgnlGrpInfAndSts).toEqual({ OrgnlMsgId: batch._id, OrgnlMsgNmId: 'pacs.008.001.08' })
    expect(report.TxInfAndSts).toMatchObject([
      { OrgnlTxId: declined.replaceAll('-', ''), TxSts: 'RJCT', StsRsnInf: { Rsn: { Cd: 'AM04' } } },
    ])
  })

  test('are stored in pieces, for any number of rows', async () => {
    const many = 400
    for (let n = 0; n < many; n++) await log.pay({ date: day, reference: `${n} ${'x'.repeat(400)}` })
    await log.project()
    const batch = await close(day)
    expect(await rowsOf(batch)).toHaveLength(many)
    expect(await db.collection('settlementFilePieces').countDocuments({})).toBeGreaterThan(6)
  })
})
