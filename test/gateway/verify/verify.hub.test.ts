// The checks of `npm run verify` on a history that a real hub wrote: they pass, and each one finds what is
// planted against it.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import type { Document, Filter } from 'mongodb'
import { beforeAll, describe, expect, test, vi } from 'vitest'
import { verify } from '../../../gateway/verify/verify.ts'
import { SumMaker } from '../../../subgraphs/analytics/sum-maker.ts'
import { publishedOf } from '../../../subgraphs/log/checkpoint.ts'
import { aReceiver } from '../../fixtures/a-webhook-receiver.ts'
import { testHub } from '../../hub/hub.ts'

const hub = await testHub()
const { db, uri, name } = hub.database
const receiver = await aReceiver()

const wallet = hub.as('demo-wallet')
const acquirer = hub.as('demo-acquirer')
const operator = hub.as('demo-operator')

/** Payments of the history, by what happened to them. */
const payments = new Map<string, string>()

async function pay(reference: string, more: object = {}): Promise<string> {
  const input = {
    idempotencyKey: reference,
    reference,
    merchant: payments.get('merchant'),
    amount: { amount: '20.00', currency: 'CNY' },
    customer: 'a customer',
    ...more,
  }
  const { data } = await wallet.ask('SubmitPayment', { input })
  const id: string = data.submitPayment.payment.id
  for await (const { data: update } of wallet.follow('FollowPayment', { id })) {
    if (update.transactionUpdated.transaction.status !== 'ROUTED') break
  }
  payments.set(reference, id)
  return id
}

/** Payments of each kind, a settled date, and a webhook; the hub has stopped, and nothing is pending. */
async function makeHistory(): Promise<void> {
  const { data } = await wallet.query(
    '{ merchants(where: { acquirers: ["acquirer-cn-01"], entryModes: [IN_APP] }, first: 1) { edges { node { id } } } }',
  )
  payments.set('merchant', data.merchants.edges[0].node.id)
  await acquirer.ask('CreateWebhook', { input: { idempotencyKey: 'w', url: receiver.url, events: ['*'] } })
  await pay('completed')
  const refunded = await pay('refunded')
  await acquirer.ask('RefundPayment', {
    input: { idempotencyKey: 'r', payment: refunded, amount: { amount: '5.00', currency: 'CNY' } },
  })
  const cancelled = await pay('cancelled')
  await wallet.ask('CancelPayment', { input: { idempotencyKey: 'c', payment: cancelled } })
  await pay('SIM-AM04')
  const { data: quoted } = await wallet.ask('QuotePayment', {
    input: {
      merchant: payments.get('merchant'),
      amount: { amount: '30.00', currency: 'CNY' },
      payerCurrency: 'SGD',
    },
  })
  await pay('quoted', { merchant: null, amount: null, quote: quoted.quotePayment.id })
  // A past date with several payments: the first of the data may have a refund alone.
  const [date] = await db
    .collection('bookings')
    .aggregate<{ _id: string }>([
      {
        $match: { settlementDate: { $lt: new Date(Date.now() - 3 * 86_400_000).toISOString().slice(0, 10) } },
      },
      { $group: { _id: '$settlementDate', bookings: { $sum: { $size: '$entries' } } } },
      { $sort: { bookings: -1, _id: 1 } },
    ])
    .toArray()
  await operator.ask('CloseSettlement', { input: { idempotencyKey: 's', settlementDate: date!._id } })
  await vi.waitFor(
    async () => {
      expect(await db.collection('payments').countDocuments({ due: { $exists: true } })).toBe(0)
      const tip = (await db.collection('log').findOne({}, { sort: { _id: -1 } }))!['last'] as bigint
      const read = await db.collection('places').find().toArray()
      expect(read.map(({ position }) => position as bigint)).toEqual(read.map(() => tip))
      expect(await db.collection('settlementBatches').countDocuments({ marked: true })).toBe(1)
    },
    { timeout: 60_000, interval: 100 },
  )
  await hub.close()
  const { position } = await publishedOf(db, 'activity')
  await new SumMaker(db, 0).make(position, new AbortController().signal)
}

beforeAll(makeHistory)

/** Undoes the changes of one test, the last first. */
let undo: (() => Promise<unknown>)[] = []

/** Replaces the first document that matches by what `change` makes of it; null deletes it. */
async function plant(
  collection: string,
  filter: Filter<Document>,
  change: (document: Document) => Document | null,
): Promise<void> {
  const stored = db.collection(collection)
  const before = (await stored.findOne(filter, { sort: { _id: -1 } }))!
  expect(before).not.toBeNull()
  const after = change(structuredCloneOf(before))
  const { _id } = before
  if (after === null) await stored.deleteOne({ _id })
  else await stored.replaceOne({ _id }, after, { upsert: true })
  undo.push(() => stored.replaceOne({ _id }, before, { upsert: true }))
}

/** A copy whose values of BSON types stay what they are. */
const structuredCloneOf = <Value>(value: Value): Value => {
  if (Array.isArray(value)) return value.map(structuredCloneOf) as Value
  if (value === null || typeof value !== 'object' || Object.getPrototypeOf(value) !== Object.prototype)
    return value
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, structuredCloneOf(one)])) as Value
}

/** Drops a unique index, and gives one payment what another one has. */
async function plantTwice(index: string, field: string, from: Filter<Document> = {}): Promise<void> {
  const stored = db.collection('payments')
  const {
    key,
    name: indexName,
    unique,
    partialFilterExpression,
  } = (await stored.indexes()).find((one) => one.name === index)!
  await stored.dropIndex(index)
  undo.push(() =>
    stored.createIndex(key, {
      name: indexName!,
      unique: unique!,
      ...(partialFilterExpression && { partialFilterExpression }),
    }),
  )
  const other = await stored.findOne({ [field]: { $exists: true }, ...from })
  await plant('payments', { _id: idOf('completed') }, (payment) => ({ ...payment, [field]: other![field] }))
}

const idOf = (reference: string) => payments.get(reference) as never
const of = (reference: string) => ({ reference })

interface Planted {
  readonly check: string
  readonly what: string
  readonly plant: () => Promise<void>
}

/** Changes the first entry of the log for which `fits` holds. */
const plantEntry =
  (fits: (entry: Document) => boolean, change: (entry: Document) => Document) => async () => {
    const batches = await db.collection('log').find().toArray()
    const batch = batches.find(({ entries }) => (entries as Document[]).some(fits))!
    await plant('log', { _id: batch._id }, ({ entries, ...rest }) => {
      const at = (entries as Document[]).findIndex(fits)
      return { ...rest, entries: (entries as Document[]).with(at, change(entries[at])) }
    })
  }

const planted: readonly Planted[] = [
  {
    check: 'moves',
    what: 'a move out of a final status',
    plant: () =>
      plant('payments', of('SIM-AM04'), ({ events, sequence, ...payment }) => {
        const last = events.at(-1)
        const event = { ...last, sequence: sequence + 1, kind: 'APPROVED', from: last.to, to: 'COMPLETED' }
        return { ...payment, status: 'COMPLETED', sequence: sequence + 1, events: [...events, event] }
      }),
  },
  {
    check: 'moves',
    what: 'a status without its event',
    plant: () => plant('payments', of('completed'), (payment) => ({ ...payment, status: 'DECLINED' })),
  },
  {
    check: 'postings',
    what: 'a posting of one minor unit more',
    plant: () =>
      plant('payments', of('completed'), (payment) => {
        payment['events'].at(-1).booking.postings[0].minor += 1n
        return payment
      }),
  },
  {
    check: 'postings',
    what: 'a completed payment without postings',
    plant: () =>
      plant('payments', of('completed'), (payment) => {
        delete payment['events'].at(-1).booking
        return payment
      }),
  },
  {
    check: 'refunds',
    what: 'a refund that is larger than its payment',
    plant: () =>
      plant('payments', of('refunded'), (payment) => {
        payment['refunds'][0].merchantAmount.minor = 20_01n
        payment['refunded'].minor = 20_01n
        return payment
      }),
  },
  { check: 'keys', what: 'a key with two payments', plant: () => plantTwice('key', 'keys') },
  {
    check: 'keys',
    what: 'a key with two refunds',
    plant: () =>
      plant('payments', of('refunded'), (payment) => ({
        ...payment,
        refunds: [
          ...payment['refunds'],
          { ...payment['refunds'][0], _id: '0199aaaa-0000-7000-8000-000000000000' },
        ],
      })),
  },
  { check: 'quotes', what: 'a quote with two payments', plant: () => plantTwice('quote', 'quote') },
  {
    check: 'quotes',
    what: 'a reference with two payments',
    plant: () => plantTwice('reference', 'reference', of('refunded')),
  },
  {
    check: 'deadlines',
    what: 'a payment that waits since yesterday',
    plant: () =>
      plant('payments', of('completed'), ({ events, sequence, ...payment }) => ({
        ...payment,
        status: 'ROUTED',
        sequence: sequence - 1,
        events: events.slice(0, -1),
        due: new Date(Date.now() - 86_400_000),
      })),
  },
  {
    check: 'deadlines',
    what: 'a payment that is due in a week',
    plant: () =>
      plant('payments', of('completed'), ({ events, sequence, ...payment }) => ({
        ...payment,
        status: 'ROUTED',
        sequence: sequence - 1,
        events: events.slice(0, -1),
        due: new Date(Date.now() + 7 * 86_400_000),
      })),
  },
  {
    check: 'log',
    what: 'a gap in the log',
    plant: () => plant('log', { _id: { $lt: 300n } as never }, () => null),
  },
  {
    check: 'entries',
    what: 'an event that the log lacks',
    plant: () =>
      plant('log', { 'entries.1': { $exists: true } }, ({ last, entries, ...batch }) => ({
        ...batch,
        last: last - 1n,
        entries: entries.slice(0, -1),
      })),
  },
  {
    check: 'entries',
    what: 'an entry that no event has',
    plant: () =>
      plant('log', {}, ({ last, entries, ...batch }) => {
        const entry = { ...entries.at(-1), _id: last + 1n, sequence: 99 }
        return { ...batch, last: last + 1n, entries: [...entries, entry] }
      }),
  },
  {
    check: 'entries',
    what: 'an entry with another amount than its event',
    plant: plantEntry(
      ({ booking }) => booking !== undefined,
      (entry) => {
        entry['booking'].postings[0].minor += 1n
        return entry
      },
    ),
  },
  {
    check: 'positions',
    what: 'a position that is one posting short',
    plant: () =>
      plant('positions', {}, ({ debits, credits, ...rest }) => ({
        ...rest,
        debits: credits,
        credits: debits,
      })),
  },
  { check: 'positions', what: 'a missing position', plant: () => plant('positions', {}, () => null) },
  {
    check: 'bookings',
    what: 'a booking twice',
    plant: () =>
      plant('bookings', {}, ({ entries, ...page }) => ({ ...page, entries: [...entries, entries.at(-1)] })),
  },
  {
    check: 'batches',
    what: 'a batch with another total',
    plant: () => plant('settlementBatches', {}, (batch) => ({ ...batch, payments: batch['payments'] + 1 })),
  },
  {
    check: 'batches',
    what: 'a payment that its batch has not marked',
    plant: () => plant('payments', { batch: { $exists: true } }, ({ batch: _, ...payment }) => payment),
  },
  {
    check: 'batches',
    what: 'a payment in a batch of another date',
    plant: async () => {
      const batch = (await db.collection('settlementBatches').findOne())!._id
      await plant('payments', of('completed'), (payment) => ({ ...payment, batch }))
    },
  },
  {
    check: 'files',
    what: 'another SHA-256',
    plant: () => plant('settlementFiles', {}, (file) => ({ ...file, sha256: '0'.repeat(64) })),
  },
  {
    check: 'files',
    what: 'a file without its last piece',
    plant: () => plant('settlementFilePieces', {}, () => null),
  },
  {
    check: 'limits',
    what: 'a payment that uses less of its day than its amount',
    plant: () =>
      plant('payments', of('completed'), ({ customerDay, ...payment }) => ({
        ...payment,
        customerDay: { ...customerDay, minor: customerDay.minor - 1n },
      })),
  },
  {
    check: 'limits',
    what: 'a day that lacks a payment',
    plant: () => plant('payments', of('SIM-AM04'), ({ customerDay: _, ...payment }) => payment),
  },
  {
    check: 'limits',
    what: 'a day beyond the limit',
    plant: () =>
      plant('corridors', { _id: 'SG-CN' as never }, ({ limits, ...corridor }) => ({
        ...corridor,
        limits: { ...limits, perDay: { ...limits.perDay, minor: 1n } },
      })),
  },
  {
    check: 'activity',
    what: 'an hour with another count',
    plant: () =>
      plant('activityHours', {}, (block) => {
        const words = Buffer.from(block['words'].buffer)
        words[12]! ^= 1
        return { ...block, words }
      }),
  },
  {
    check: 'activity',
    what: 'a merchant without its month',
    plant: () => plant('activityMerchants', {}, () => null),
  },
  {
    check: 'activity',
    what: 'a sum with another count',
    plant: () =>
      plant('activitySums', {}, (sum) => {
        const words = Buffer.from(sum['words'].buffer)
        words[12]! ^= 1
        return { ...sum, words }
      }),
  },
  { check: 'webhooks', what: 'a missing delivery', plant: () => plant('webhookDeliveries', {}, () => null) },
  {
    check: 'webhooks',
    what: 'a delivery of an event that is not for the endpoint',
    plant: () => plant('webhookDeliveries', {}, (delivery) => ({ ...delivery, position: 1n })),
  },
  {
    check: 'coverage',
    what: 'a spot with one merchant more',
    plant: () =>
      plant('coverage', {}, (spot) => {
        spot['counts'][Object.keys(spot['counts'])[0]!] += 1
        return spot
      }),
  },
  {
    check: 'coverage',
    what: 'a merchant under another category than it is counted',
    plant: () => plant('merchants', {}, (merchant) => ({ ...merchant, mcc: '9999' })),
  },
]

const failedChecks = async (): Promise<string[]> =>
  (await verify(uri, name, 0)).filter(({ failed }) => failed > 0).map((check) => check.name)

describe('the checks of a database', () => {
  test('pass on what a hub wrote, and each has something to check', async () => {
    const checks = await verify(uri, name, 0)
    expect(checks.flatMap(({ violations }) => violations)).toEqual([])
    expect(checks.filter(({ name: one, checked }) => checked === 0 && one !== 'deadlines')).toEqual([])
  })

  test.each(planted)('find by “$check” $what', async ({ check, plant: corrupt }) => {
    try {
      await corrupt()
      expect(await failedChecks()).toContain(check)
    } finally {
      for (const one of undo.toReversed()) await one()
      undo = []
    }
  })

  test('pass again when everything planted is undone', async () => {
    expect(await failedChecks()).toEqual([])
  })
})

describe('npm run verify', () => {
  const command = fileURLToPath(new URL('../../../gateway/cli/verify.ts', import.meta.url))
  const run = async (settings: Record<string, string>, ...args: string[]) => {
    const child = spawn(process.execPath, [command, ...args], {
      env: {
        PATH: process.env['PATH'],
        NODE_COMPILE_CACHE: process.env['NODE_COMPILE_CACHE'],
        ...settings,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const [out, err, [code]] = await Promise.all([
      text(child.stdout),
      text(child.stderr),
      once(child, 'close'),
    ])
    return { code: code as number, out, err }
  }

  test('prints a line for each check and exits with 0', async () => {
    const { code, out } = await run({ MONGODB_URI: uri, MONGODB_DATABASE: name })
    expect(out).toMatch(/^postings +ok +\d+ {2}the postings of each event sum to zero in each currency$/m)
    expect(out).toMatch(/^16 of 16 checks passed in [\d.]+ s$/m)
    expect(code).toBe(0)
  })

  test('names what is wrong and exits with 1', async () => {
    await plant('positions', {}, () => null)
    const { code, out } = await run({ MONGODB_URI: uri, MONGODB_DATABASE: name })
    for (const one of undo.toReversed()) await one()
    undo = []
    expect(out).toMatch(
      /^positions +FAILED 1 .*\n +\S+\/\d{4}-\d\d-\d\d\/[A-Z]{3}: is not stored, recounted/m,
    )
    expect(code).toBe(1)
  })

  test('names the setting when it finds no database, or no hub in it', async () => {
    expect(await run({ DATA_DIR: '/nowhere' })).toMatchObject({
      code: 1,
      err: expect.stringContaining('MONGODB_URI: set it to the URI of the database'),
    })
    expect(await run({ MONGODB_URI: uri, MONGODB_DATABASE: 'an_empty_one' })).toMatchObject({
      code: 1,
      err: expect.stringContaining('MONGODB_DATABASE'),
    })
    expect(await run({}, '--help')).toMatchObject({
      code: 0,
      out: expect.stringContaining('usage: npm run verify'),
    })
  })
})
