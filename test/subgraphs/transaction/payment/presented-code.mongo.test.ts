import fc from 'fast-check'
import { beforeEach, describe, expect, test } from 'vitest'
import { decodeCpm } from '../../../../schema/qr/index.ts'
import type { MerchantId, UsedKeyId } from '../../../../schema/values/id.ts'
import { isRefusal, refuse } from '../../../../schema/values/problems.ts'
import {
  present,
  readPresented,
  type PresentedCode,
} from '../../../../subgraphs/transaction/payment/presented-code.ts'
import { createPresentedCodeService } from '../../../../subgraphs/transaction/service/presented-code-service.ts'
import type {
  ChargePresentedCodeInput,
  PresentCodeInput,
} from '../../../../subgraphs/transaction/service/read-input.ts'
import { describeIdempotency } from '../../../contracts/idempotency.ts'
import {
  acquirer,
  aPaymentHub,
  many,
  taken,
  wallet,
  type PaymentHub,
} from '../../../fixtures/a-payment-hub.ts'
import { anId } from '../../../fixtures/an-id.ts'
import { connectAgain, freshDatabase } from '../../../harness/mongo.ts'

const database = await freshDatabase()
const { db, name } = database
const elsewhere = await connectAgain(database)
const clock = { now: () => hub.clock.now(), move: (ms: number) => hub.clock.move(ms) }
let hub: PaymentHub
/** Another process over the same database. */
let otherHub: PaymentHub
beforeEach(async () => {
  hub = await aPaymentHub(db)
  otherHub = await aPaymentHub(elsewhere.db(name), hub)
})

let keys = 0
const show = (more: Partial<PresentCodeInput> = {}, by = wallet, at = hub) =>
  createPresentedCodeService({ ...at, now: hub.clock.now }).present(by, {
    idempotencyKey: `show ${++keys}`,
    token: { reference: `account ${keys}`, lastFour: '4242' },
    ...more,
  })
const aCode = async (more: Partial<PresentCodeInput> = {}): Promise<PresentedCode> => taken(await show(more))
const charge = (payload: string, more: Partial<ChargePresentedCodeInput> = {}, by = acquirer, at = hub) =>
  at.paymentService.charge(by, {
    idempotencyKey: `charge ${++keys}`,
    payload,
    merchant: anId(`${acquirer}.M1`),
    amount: { amount: '88.50', currency: 'CNY' },
    ...more,
  })

describe('a code that a payer presents', () => {
  test('is EMVCo consumer-presented, and reveals only the last four digits of the account', async () => {
    const { payload, token } = await aCode()
    expect(payload.startsWith('hQVDUFY')).toBe(true)
    const [application] = decodeCpm(payload).applications
    expect(application).toMatchObject({ lastFour: '4242', label: 'CROSSGATE' })
    expect(Buffer.from(payload, 'base64').toString('latin1')).not.toContain(token.reference)
  })

  test('carries its own id, for every id', () => {
    fc.assert(
      fc.property(fc.uuid(), (id) => {
        const key = { id: anId<UsedKeyId>('key'), hash: 'hash', at: new Date(0) }
        const presentation = {
          idempotencyKey: 'key',
          token: { reference: 'account', lastFour: null },
          limit: null,
          ttlSeconds: 30,
        }
        expect(readPresented(present(anId(id), wallet, presentation, key).payload)).toBe(id)
      }),
    )
  })

  test('is the same code for the same input in another spelling', async () => {
    const input = { idempotencyKey: `spelling ${++keys}`, token: { reference: 'account' } }
    const { _id } = taken(await show({ ...input, limit: { amount: '60.00', currency: 'CNY' } }))
    const again = { ...input, limit: { amount: '60.0', currency: 'CNY' }, ttlSeconds: 120 }
    expect(await show(again)).toMatchObject({ _id })
  })

  test('is null for a key whose code can be neither read nor written', async () => {
    const code = await aCode()
    const other = { ...code, key: { ...code.key, id: anId<UsedKeyId>(`other ${++keys}`) } }
    expect(await hub.store.addCode(other)).toBeNull()
  })

  test('is UNAVAILABLE when its code can be neither read nor written', async () => {
    const store = { ...hub.store, addCode: () => Promise.resolve(null) }
    const input = { idempotencyKey: `gone ${++keys}`, token: { reference: 'account' } }
    const service = createPresentedCodeService({ ...hub, store, now: hub.clock.now })
    expect(await service.present(wallet, input)).toMatchObject({ kind: 'refused', code: 'UNAVAILABLE' })
  })

  test.each([
    { more: { ttlSeconds: 29 }, path: ['input', 'ttlSeconds'] },
    { more: { ttlSeconds: 301 }, path: ['input', 'ttlSeconds'] },
    { more: { idempotencyKey: '' }, path: ['input', 'idempotencyKey'] },
    { more: { token: { reference: '' } }, path: ['input', 'token', 'reference'] },
    { more: { token: { reference: '4111 1111 1111 1111' } }, path: ['input', 'token', 'reference'] },
    { more: { token: { reference: 'a', lastFour: '424' } }, path: ['input', 'token', 'lastFour'] },
    { more: { limit: { amount: '-1', currency: 'CNY' } }, path: ['input', 'limit', 'amount'] },
    { more: { limit: { amount: '1', currency: 'XXX' } }, path: ['input', 'limit', 'currency'] },
  ])('is refused for a malformed $path', async ({ more, path }) => {
    expect(await show(more)).toMatchObject({ kind: 'refused', path })
  })

  test('is for wallets that are live and certified for it', async () => {
    const { participants } = hub.registry
    const own = participants.get(wallet)!
    participants.set(wallet, { ...own, status: 'SUSPENDED' })
    const input = { idempotencyKey: `not live ${++keys}` }
    const refused = await show(input)
    expect(refused).toMatchObject({ code: 'PARTICIPANT_NOT_LIVE' })
    participants.set(wallet, { ...own, capabilities: [] })
    expect(await show()).toMatchObject({ code: 'NOT_CERTIFIED' })
    participants.set(wallet, own)
    expect(await show({}, acquirer)).toMatchObject({ code: 'FORBIDDEN' })
  })
})

describe('charging a presented code', () => {
  test('starts a payment that the wallet approves', async () => {
    const code = await aCode()
    const { payment } = taken(await charge(code.payload, { terminal: 'till 7' }))
    expect(payment).toMatchObject({
      status: 'ROUTED',
      entryMode: 'CPM',
      wallet,
      counterparty: wallet,
      presentedCode: code._id,
      terminal: 'till 7',
      customer: code.token.reference,
    })
    const answer = { payment: payment._id, decision: 'APPROVE' } as const
    expect(await hub.paymentService.respond(acquirer, answer)).toMatchObject({ code: 'PAYMENT_UNKNOWN' })
    expect(await hub.paymentService.respond(wallet, answer)).toMatchObject({
      payment: { status: 'COMPLETED' },
    })
  })

  test('is done once, with 64 charges at once over two processes', async () => {
    const { payload } = await aCode()
    const answers = await many(64, (n) => charge(payload, {}, acquirer, n % 2 ? hub : otherHub))
    expect(answers.filter((answer) => !isRefusal(answer))).toHaveLength(1)
    expect(answers.filter(isRefusal).map(({ code }) => code)).toEqual(Array(63).fill('CODE_USED'))
  })

  test('is possible until it expires, and not at that instant', async () => {
    const [early, late] = await many(2, () => aCode())
    hub.clock.move(119_999)
    expect(await charge(early!.payload)).toMatchObject({ replayed: false })
    hub.clock.move(1)
    expect(await charge(late!.payload)).toMatchObject({ code: 'CODE_EXPIRED', path: ['input', 'payload'] })
  })

  test('accepts no more than the payer’s limit, in any currency', async () => {
    const { payload } = await aCode({ limit: { amount: '15.98', currency: 'SGD' } })
    expect(await charge(payload, { amount: { amount: '90', currency: 'CNY' } })).toMatchObject({
      __typename: 'Refused',
      code: 'CODE_LIMIT',
      path: ['input', 'amount'],
    })
    expect(await charge(payload, { amount: { amount: '80', currency: 'CNY' } })).toMatchObject({
      replayed: false,
    })
  })

  test('does not reveal to the acquirer what the customer has spent elsewhere, also in a replay', async () => {
    const token = { reference: 'one account', lastFour: '4242' }
    const cny = (amount: string) => ({ amount: { amount, currency: 'CNY' } })
    for (let n = 0; n < 10; n++) taken(await charge((await aCode({ token })).payload, cny('50000')))
    const { payload } = await aCode({ token })
    const again = { idempotencyKey: 'over the day', ...cny('1') }
    const refused = refuse('LIMIT_PER_DAY', undefined, ['input', 'amount'])
    expect(await charge(payload, again)).toEqual(refused)
    expect(await charge(payload, again)).toEqual(refused)
  })

  test('can be cancelled by the acquirer', async () => {
    const { payload } = await aCode()
    const { payment } = taken(await charge(payload))
    const voided = await hub.paymentService.cancel(acquirer, {
      idempotencyKey: `void ${payment._id}`,
      payment: payment._id,
    })
    expect(voided).toMatchObject({ payment: { status: 'CANCELLING' } })
  })

  test.each([
    { more: { payload: 'nothing of the kind' }, code: 'QR_INVALID', path: ['input', 'payload'] },
    {
      more: { merchant: anId<MerchantId>('acquirer-cn-02.M1') },
      code: 'MERCHANT_UNKNOWN',
      path: ['input', 'merchant'],
    },
    {
      more: { merchant: anId<MerchantId>('unknown') },
      code: 'MERCHANT_UNKNOWN',
      path: ['input', 'merchant'],
    },
    {
      more: { amount: { amount: '0', currency: 'CNY' } },
      code: 'AMOUNT_NOT_POSITIVE',
      path: ['input', 'amount', 'amount'],
    },
    {
      more: { amount: { amount: '1', currency: 'SGD' } },
      code: 'WRONG_CURRENCY',
      path: ['input', 'amount', 'currency'],
    },
    { more: { terminal: 'x'.repeat(26) }, code: 'BAD_VALUE', path: ['input', 'terminal'] },
    { more: { idempotencyKey: 'x'.repeat(65) }, code: 'BAD_VALUE', path: ['input', 'idempotencyKey'] },
  ])('is refused with $code at $path', async ({ more, code, path }) => {
    const { payload } = await aCode()
    expect(await charge(payload, more)).toMatchObject({ code, path })
    expect(await charge(payload)).toMatchObject({ replayed: false })
  })

  test('is refused for a code of another hub', async () => {
    const key = { id: anId<UsedKeyId>('key'), hash: 'hash', at: hub.clock.now() }
    const presentation = {
      idempotencyKey: 'key',
      token: { reference: 'a', lastFour: null },
      limit: null,
      ttlSeconds: 30,
    }
    const foreignCode = present(anId('0199aaaa-0000-7000-8000-000000000000'), wallet, presentation, key)
    expect(await charge(foreignCode.payload)).toMatchObject({
      code: 'CODE_UNKNOWN',
      path: ['input', 'payload'],
    })
  })

  test('is for acquirers', async () => {
    const { payload } = await aCode()
    expect(await charge(payload, {}, wallet)).toMatchObject({ code: 'FORBIDDEN' })
  })
})

describeIdempotency('a presented code', {
  clock,
  open: async () => ({ reference: `contract ${++keys}` }),
  call: ({ reference }, idempotencyKey, input, process) => {
    const ttlSeconds = input === 'first' ? 120 : 60
    const at = process === 0 ? hub : otherHub
    return show({ idempotencyKey, token: { reference }, ttlSeconds }, wallet, at)
  },
  effects: ({ reference }) =>
    db.collection('presentedCodes').countDocuments({ 'token.reference': reference }),
  async refuse() {
    const { participants } = hub.registry
    const own = participants.get(wallet)!
    participants.set(wallet, { ...own, status: 'SUSPENDED' })
    return () => participants.set(wallet, own)
  },
})

describeIdempotency('a charge of a presented code', {
  clock,
  open: aCode,
  call: ({ payload }, idempotencyKey, input, process) => {
    const amount = { amount: input === 'first' ? '88.50' : '90.00', currency: 'CNY' }
    return charge(payload, { idempotencyKey, amount }, acquirer, process === 0 ? hub : otherHub)
  },
  effects: ({ _id }) => hub.store.payments.countDocuments({ presentedCode: _id }),
  async refuse() {
    const corridor = hub.registry.corridors.get(anId('SG-CN'))!
    hub.registry.corridors.set(corridor.id, { ...corridor, status: 'CLOSED' })
    return () => hub.registry.corridors.set(corridor.id, corridor)
  },
})
