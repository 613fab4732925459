import fc from 'fast-check'
import { hash } from 'node:crypto'
import type { Db } from 'mongodb'
import { XMLParser, XMLValidator } from 'fast-xml-parser'
import { beforeEach, describe, expect, test } from 'vitest'
import { isRefusal } from '../../../../schema/values/problems.ts'
import { openAuditLog } from '../../../../subgraphs/shared/audit-log.ts'
import { createIdempotentWriter } from '../../../../subgraphs/shared/idempotent-writer.ts'
import { connect } from '../../../../subgraphs/platform/mongo/client.ts'
import type { SettlementBatch } from '../../../../subgraphs/transaction/settlement/batch.ts'
import {
  settlementBatchesOf,
  createBatchCloser,
  makeSettlementIndexes,
  startBatchFinisher,
  type BatchCloser,
} from '../../../../subgraphs/transaction/settlement/batch-closer.ts'
import { filesOf, readFile, type FileFormat } from '../../../../subgraphs/transaction/settlement/files.ts'
import { freshDatabase } from '../../../harness/mongo.ts'
import { aClock, aRegistry, quietLog } from '../../../fixtures/a-programme.ts'
import { Ledger, sumsOf } from '../../../fixtures/ledger.ts'

const { mongo, uri, name } = await freshDatabase()
/** Long after the dates that are closed here. */
const clock = aClock(new Date('2026-04-01T00:00:00Z'))
const dates = ['2026-03-01', '2026-03-02', '2026-03-03'] as const
const [day, nextDay] = dates

const operator = { participant: 'operator', requestId: 'a request' }

let db: Db
let ledger: Ledger
let batchCloser: BatchCloser
let databases = 0
let keys = 0

const aClosing = async (at: Db, patienceMs = 10_000): Promise<BatchCloser> =>
  createBatchCloser({
    db: at,
    idempotentWriter: await createIdempotentWriter(at),
    audit: await openAuditLog(at),
    registry: aRegistry(),
    now: clock.now,
    logger: quietLog,
    patienceMs,
  })

async function begin(): Promise<void> {
  db = mongo.db(`${name}_${++databases}`)
  await makeSettlementIndexes(db)
  ledger = new Ledger(db)
  batchCloser = await aClosing(db)
}
beforeEach(async () => {
  await begin()
  return () => db.dropDatabase()
})

/** Closes a date under a key that nobody has used. */
async function close(date: string, by = batchCloser): Promise<SettlementBatch & { status: 'CLOSED' }> {
  const batch = await by.close(operator, { idempotencyKey: `key ${++keys}`, settlementDate: date })
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
  const file = (await filesOf(db).findOne({ batch: batch._id, attempt, format, owner }))!
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

describe('closing a date', () => {
  test('on which nothing happened gives an empty batch, whose file has a header row', async () => {
    await ledger.note()
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

  test('nets what every participant gets and owes, and says on each payment and refund that it is settled', async () => {
    const one = await ledger.pay({ date: day, minor: 300_00n })
    const other = await ledger.pay({ date: day, wallet: 'wallet-th-01', minor: 10_00n })
    const refund = await ledger.refund(one, day)
    const tomorrow = await ledger.pay({ date: nextDay })
    await ledger.note()
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
    expect(payments.map(({ _id, settlement, batch: its }) => [_id, settlement, its])).toEqual([
      [one, 'SETTLED', batch._id],
      [other, 'SETTLED', batch._id],
      [tomorrow, 'PENDING', undefined],
    ])
    expect(payments[0]!['refunds']).toEqual([{ _id: refund, settlement: 'SETTLED', batch: batch._id }])
  })

  test('that is closed gives its batch, whatever the key; a key is for one date', async () => {
    await ledger.pay({ date: day })
    await ledger.note()
    const input = { idempotencyKey: 'k', settlementDate: day }
    const first = await batchCloser.close(operator, input)
    expect(await batchCloser.close(operator, input)).toEqual(first)
    await ledger.pay({ date: day })
    await ledger.note()
    expect(await batchCloser.close(operator, { ...input, idempotencyKey: 'another' })).toEqual(first)
    expect(await batchCloser.close(operator, { ...input, settlementDate: nextDay })).toMatchObject({
      code: 'IDEMPOTENCY_CONFLICT',
    })
    const audit = await db.collection('audit').find().toArray()
    expect(audit).toMatchObject([
      { actor: 'operator', action: 'closeSettlement', target: `settlement:${day}`, before: null },
    ])
  })

  test.each(['', 'x'.repeat(65), 'a\nb'])(
    'is refused under a key that is none: %j',
    async (idempotencyKey) => {
      expect(await batchCloser.close(operator, { idempotencyKey, settlementDate: day })).toMatchObject({
        code: 'BAD_VALUE',
        path: ['input', 'idempotencyKey'],
      })
    },
  )

  test('is refused before its cut-off has passed in the last zone, and taken from then on, under the same key', async () => {
    await ledger.note()
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
    const early = createBatchCloser({
      db,
      idempotentWriter: await createIdempotentWriter(db),
      audit: await openAuditLog(db),
      registry,
      now: at.now,
      logger: quietLog,
    })
    for (const settlementDate of [day, '2026-03-02', '2030-01-01']) {
      expect(
        await early.close(operator, { idempotencyKey: `early ${settlementDate}`, settlementDate }),
      ).toMatchObject({ code: 'SETTLEMENT_OPEN', retryable: true, path: ['input', 'settlementDate'] })
    }
    expect(await early.close(operator, input)).toMatchObject({
      code: 'SETTLEMENT_OPEN',
      message: expect.stringContaining(end.toISOString()),
    })
    at.move(1)
    expect(await early.close(operator, input)).toMatchObject({ status: 'CLOSED', settlementDate: day })
  })

  test('takes what has come late for dates closed before, once', async () => {
    const early = await ledger.pay({ date: day })
    await ledger.note()
    expect(await rowsOf(await close(day))).toEqual([`${early}/PAYMENT`])
    const late = await ledger.pay({ date: day })
    const next = await ledger.pay({ date: nextDay })
    await ledger.note()
    expect(await rowsOf(await close(nextDay))).toEqual([`${next}/PAYMENT`, `${late}/PAYMENT`])
    await ledger.note()
    expect(await rowsOf(await close(dates[2]))).toEqual([])
  })

  test('shows a payment that was taken back in the same batch as two rows that cancel out, and counts it as none', async () => {
    const [kept, gone] = [await ledger.pay({ date: day }), await ledger.pay({ date: day })]
    await ledger.cancel(gone, day)
    await ledger.note()
    const batch = await close(day)
    expect(batch).toMatchObject({ payments: 1, refunds: 0 })
    expect(await rowsOf(batch)).toEqual([`${kept}/PAYMENT`, `${gone}/PAYMENT`, `${gone}/CANCELLATION`])
    await ledger.cancel(kept, nextDay)
    await ledger.note()
    const next = await close(nextDay)
    expect(next).toMatchObject({ payments: 0, refunds: 0 })
    const [line] = (await textOf(next, 'CSV')).split('\r\n').slice(1)
    expect(line).toContain(',CANCELLATION,')
    expect(line).toContain(',-88.50,CNY,-16.88,SGD,')
    expect(next.net).toEqual(batch.net.map((net) => ({ ...net, minor: -net.minor })))
  })
})

describe('batches', () => {
  test('have every booked entry in exactly one, whatever the order of closing, beside late arrivals and other closers', async () => {
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
    const elsewhere = await connect(uri)
    try {
      await fc.assert(
        fc.asyncProperty(
          fc.array(action, { maxLength: 30 }),
          fc.shuffledSubarray([...dates], { minLength: dates.length }),
          async (actions, inTheEnd) => {
            await begin()
            const other = await aClosing(elsewhere.db(db.databaseName))
            const touched = new Set<string>()
            const untouched = (of: number): string | undefined => {
              const id = ledger.payments[of % Math.max(1, ledger.payments.length)]?._id
              if (id === undefined || touched.has(id)) return undefined
              touched.add(id)
              return id
            }
            for (const one of actions) {
              if (one.act === 'pay') await ledger.pay(one)
              else if (one.act === 'close') {
                await ledger.note()
                await Promise.all(one.dates.map((each, n) => close(each, n % 2 ? other : batchCloser)))
              } else {
                const id = untouched(one.of)
                if (id !== undefined) await ledger[one.act](id, one.date)
              }
            }
            await ledger.note()
            for (const each of inTheEnd) await close(each)
            // Every date is closed by now: what is left over falls to whichever is closed next.
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
                const whose = `${participant}/${currency}`
                nets.set(whose, (nets.get(whose) ?? 0n) + net)
              }
              expect([...perCurrency.values()].every((sum) => sum === 0n)).toBe(true)
            }
            expect(rows.toSorted()).toEqual(ledger.booked.map(({ id, kind }) => `${id}/${kind}`).toSorted())
            for (const [whose, net] of nets) if (net === 0n) nets.delete(whose)
            expect(nets).toEqual(sumsOf(ledger.booked.flatMap(({ booking }) => booking.postings)))
            const pending = await db.collection('payments').countDocuments({
              $or: [{ settlement: 'PENDING' }, { 'refunds.settlement': 'PENDING' }],
            })
            expect(pending).toBe(0)
            await db.dropDatabase()
          },
        ),
        { numRuns: 25 },
      )
    } finally {
      await elsewhere.close()
    }
  }, 120_000)

  test('of one date are one, and of different dates follow one another, when many close at once', async () => {
    for (const date of dates) for (let n = 0; n < 5; n++) await ledger.pay({ date })
    await ledger.note()
    const others = await Promise.all(Array.from({ length: 4 }, () => aClosing(db)))
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

describe('a batch that was left unfinished', () => {
  test('is finished by the next call', async () => {
    const paid = await ledger.pay({ date: day })
    const hasty = await aClosing(db, 1)
    // Nobody notes what is booked: it cannot be gathered yet.
    const input = { idempotencyKey: 'k', settlementDate: day }
    expect(await hasty.close(operator, input)).toMatchObject({ status: 'CLOSING' })
    await hasty.stop()
    const later = await ledger.pay({ date: day })
    await ledger.note()
    const batch = (await batchCloser.close(operator, input)) as SettlementBatch
    expect(batch).toMatchObject({ status: 'CLOSED', payments: 1 })
    // What was fixed stays: the second one came after.
    expect(await rowsOf(batch)).toEqual([`${paid}/PAYMENT`])
    expect(await rowsOf(await close(nextDay))).toEqual([`${later}/PAYMENT`])
  })

  test.each([
    { when: 'before it was closed', undo: { status: 'CLOSING', marked: false } },
    { when: 'after it was closed, before its payments were marked', undo: { marked: false } },
  ])('$when is finished by a hub that starts, to the same files', async ({ undo }) => {
    const paid = await ledger.pay({ date: day })
    const refund = await ledger.refund(paid, day)
    await ledger.note()
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
      _id: { file: `${before._id}/an attempt that died/CSV/`, n: 0 } as never,
      bytes: Buffer.from('half'),
    })
    const changes = settlementBatchesOf(db).watch([
      { $match: { 'updateDescription.updatedFields.marked': true } },
    ])
    const seen = changes.next()
    const finisher = startBatchFinisher({ db, logger: quietLog }, batchCloser)
    await seen
    await changes.close()
    await finisher.close()
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

  test('keep text that others wrote from being a formula, a column or a tag', async () => {
    const paid = await ledger.pay({ date: day, reference: nasty, minor: 300_00n })
    await ledger.decline(await ledger.pay({ date: nextDay, reference: `-${nasty}` }), 'INSUFFICIENT_FUNDS')
    await ledger.note()
    const batch = await close(day)
    expect(await textOf(batch, 'CSV')).toBe(
      `${header}${paid},PAYMENT,${paid},000000000001,"'=HYPERLINK(""http://x""),\r\n<&>'"" \u0007 ไทย",2026-03-01T04:00:00.000Z,${day},SG-CN,wallet-sg-01,acquirer-cn-01,acquirer-cn-01.M1,300.00,CNY,57.07,SGD,0.05,SGD,5.52\r\n`,
    )
    for (const format of ['PACS_008', 'PACS_002'] as const) {
      expect(XMLValidator.validate(await textOf(batch, format))).toBe(true)
    }
  })

  test('as ISO 20022 messages say how many transfers there are and what they come to, and why the others were declined', async () => {
    const parser = new XMLParser({
      ignoreAttributes: false,
      parseTagValue: false,
      isArray: (tag) => ['CdtTrfTxInf', 'TxInfAndSts', 'TtlIntrBkSttlmAmt'].includes(tag),
    })
    const one = await ledger.pay({ date: day, minor: 300_00n })
    const gone = await ledger.pay({ date: day })
    await ledger.cancel(gone, day)
    const refund = await ledger.refund(one, day)
    const declined = await ledger.pay({ date: nextDay })
    await ledger.decline(declined, 'INSUFFICIENT_FUNDS')
    await ledger.note()
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

  test('come in pieces, however many rows there are', async () => {
    const many = 400
    for (let n = 0; n < many; n++) await ledger.pay({ date: day, reference: `${n} ${'x'.repeat(400)}` })
    await ledger.note()
    const batch = await close(day)
    expect(await rowsOf(batch)).toHaveLength(many)
    expect(await db.collection('settlementFilePieces').countDocuments({})).toBeGreaterThan(6)
  })
})
