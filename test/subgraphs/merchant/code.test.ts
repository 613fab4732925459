import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { decodeMpm } from '../../../schema/qr/index.ts'
import type { MerchantCodeId } from '../../../schema/values/id.ts'
import { isRefusal, orThrow } from '../../../schema/values/problems.ts'
import {
  claimOf,
  digestOf,
  issueCode,
  readOrder,
  type CodeOrder,
  type IssueCodeInput,
} from '../../../subgraphs/merchant/code.ts'
import type { Merchant } from '../../../subgraphs/merchant/merchant.ts'
import { aMerchant, noon, someMerchant } from '../../fixtures/a-merchant.ts'
import { aPayableParticipant } from '../../fixtures/a-payable-registry.ts'
import { anId } from '../../fixtures/an-id.ts'
import type { Plain } from '../../fixtures/an-id.ts'

const acquirer = aPayableParticipant('acquirer-cn-01', { iin: '01030000' })
const network = aPayableParticipant('network-unionpay', { iin: '00010344' })
const id: MerchantCodeId = anId('019cabcd-0000-7000-8000-00000000000a')

const anInput = (over: Partial<IssueCodeInput> = {}): IssueCodeInput => ({
  idempotencyKey: 'key-1',
  merchant: anId('acquirer-cn-01.M000001'),
  kind: 'DYNAMIC',
  amount: { amount: '215.5', currency: 'CNY' },
  ...over,
})
const anOrder = (over: Partial<Plain<IssueCodeInput>> = {}): CodeOrder =>
  orThrow(readOrder(anInput(over as Partial<IssueCodeInput>)))
const aStatic = { kind: 'STATIC', amount: null } as const

const issue = (
  order: CodeOrder,
  merchant: Merchant = aMerchant(),
  parties = { acquirer, network: undefined as typeof network | undefined },
) => issueCode(order, merchant, parties, id, noon)

describe('an issued code', () => {
  test('is read under STRICT and names its merchant', () => {
    const order = anOrder({ reference: 'T-7', ttlSeconds: 60 })
    const code = orThrow(issue(order, aMerchant({ localName: '金莲餐厅' })))
    expect(code).toMatchObject({ kind: 'DYNAMIC', expiresAt: new Date(noon.getTime() + 60_000) })
    const decoded = decodeMpm(code.payload, 'STRICT')
    expect(decoded).toMatchObject({
      pointOfInitiation: 'DYNAMIC',
      scheme: 'UnionPay',
      unionPay: { acquirerIin: '01030000', forwardingIin: '01030000', merchantId: 'M000001' },
      mcc: '5812',
      currency: 'CNY',
      amount: '215.50',
      country: 'CN',
      merchantName: 'Golden Lotus Cafe',
      merchantCity: 'Shanghai',
      local: { language: 'zh', name: '金莲餐厅' },
      additionalData: { referenceLabel: 'T-7' },
    })
    expect(claimOf(decoded, new Map([['01030000', acquirer]]))).toEqual({
      code: id,
      merchant: anId('acquirer-cn-01.M000001'),
    })
  })

  test('has no amount and no expiry when it is static', () => {
    const code = orThrow(issue(anOrder(aStatic)))
    expect(code.expiresAt).toBeNull()
    const decoded = decodeMpm(code.payload, 'STRICT')
    expect(decoded).toMatchObject({ pointOfInitiation: 'STATIC', amount: null })
    expect(claimOf(decoded, new Map()).code).toBeNull()
  })

  test('goes through the network of an acquirer that has one', () => {
    const code = orThrow(issue(anOrder(), aMerchant(), { acquirer, network }))
    expect(decodeMpm(code.payload, 'STRICT').unionPay).toMatchObject({ forwardingIin: '00010344' })
  })

  test('names the merchant in the hub’s template when the acquirer has no number', () => {
    const code = orThrow(
      issue(anOrder(aStatic), aMerchant(), { acquirer: { ...acquirer, iin: null }, network: undefined }),
    )
    const decoded = decodeMpm(code.payload, 'STRICT')
    expect(decoded.unionPay).toBeNull()
    expect(claimOf(decoded, new Map())).toEqual({ code: null, merchant: 'acquirer-cn-01.M000001' })
  })

  test('expires after fifteen minutes by default', () => {
    expect(orThrow(issue(anOrder())).expiresAt).toEqual(new Date(noon.getTime() + 900_000))
  })

  test('is readable under STRICT for any merchant, whatever its name', () => {
    const name = fc.stringMatching(/^[A-Za-zÀ-ſ][ -~À-ſ–—’ßøŁđ]{0,79}$/)
    const city = fc.stringMatching(/^[A-Za-zÀ-ſ][ -~À-ſ]{0,59}$/)
    fc.assert(
      fc.property(someMerchant, name, city, (drawn, anyName, anyCity) => {
        const merchant: Merchant = {
          ...drawn,
          name: anyName,
          city: anyCity,
          status: 'ACTIVE',
          entryModes: ['MPM_DYNAMIC'],
        }
        const order = anOrder({ merchant: merchant.id, amount: { amount: '7', currency: merchant.currency } })
        const code = orThrow(issue(order, merchant))
        expect(decodeMpm(code.payload, 'STRICT').unionPay?.merchantId).toBe(merchant.mid)
      }),
    )
  })

  test.each([
    { when: 'the merchant is suspended', merchant: { status: 'SUSPENDED' }, code: 'MERCHANT_INACTIVE' },
    {
      when: 'the merchant has no dynamic codes',
      merchant: { entryModes: ['MPM_STATIC'] },
      code: 'ENTRY_MODE_NOT_OFFERED',
    },
    {
      when: 'the merchant prices in another currency',
      merchant: { currency: 'THB' },
      code: 'WRONG_CURRENCY',
    },
  ] as const)('is refused when $when', ({ merchant, code }) => {
    expect(issue(anOrder(), aMerchant(merchant as Partial<Merchant>))).toMatchObject({
      kind: 'refused',
      code,
    })
  })

  test('is refused when the amount has more characters than a code holds', () => {
    const order = anOrder({ amount: { amount: '90000000000.00', currency: 'CNY' } })
    expect(issue(order)).toMatchObject({ code: 'AMOUNT_TOO_LARGE' })
    expect(isRefusal(issue(anOrder({ amount: { amount: '9000000000.00', currency: 'CNY' } })))).toBe(false)
  })
})

describe('an order for a code', () => {
  test.each<{ when: string; input: Partial<IssueCodeInput>; code: string; path: string[] }>([
    {
      when: 'an empty key',
      input: { idempotencyKey: '' },
      code: 'BAD_VALUE',
      path: ['input', 'idempotencyKey'],
    },
    {
      when: 'a key of 65',
      input: { idempotencyKey: 'k'.repeat(65) },
      code: 'BAD_VALUE',
      path: ['input', 'idempotencyKey'],
    },
    { when: 'no amount', input: { amount: null }, code: 'AMOUNT_MISSING', path: ['input', 'amount'] },
    {
      when: 'an amount of zero',
      input: { amount: { amount: '0', currency: 'CNY' } },
      code: 'AMOUNT_NOT_POSITIVE',
      path: ['input', 'amount', 'amount'],
    },
    {
      when: 'an amount for a static code',
      input: { ...aStatic, amount: { amount: '1', currency: 'CNY' } },
      code: 'BAD_VALUE',
      path: ['input', 'amount'],
    },
    {
      when: 'an expiry of a static code',
      input: { ...aStatic, ttlSeconds: 60 },
      code: 'BAD_VALUE',
      path: ['input', 'ttlSeconds'],
    },
    {
      when: 'an expiry in 29 seconds',
      input: { ttlSeconds: 29 },
      code: 'BAD_VALUE',
      path: ['input', 'ttlSeconds'],
    },
    {
      when: 'an expiry in a day and a second',
      input: { ttlSeconds: 86_401 },
      code: 'BAD_VALUE',
      path: ['input', 'ttlSeconds'],
    },
    { when: 'an empty reference', input: { reference: '' }, code: 'BAD_VALUE', path: ['input', 'reference'] },
    {
      when: 'a reference of 26',
      input: { reference: 'r'.repeat(26) },
      code: 'BAD_VALUE',
      path: ['input', 'reference'],
    },
    {
      when: 'a reference beyond ASCII',
      input: { reference: 'é' },
      code: 'BAD_VALUE',
      path: ['input', 'reference'],
    },
  ])('is refused with $when', ({ input, code, path }) => {
    expect(readOrder(anInput(input))).toMatchObject({ kind: 'refused', code, path })
  })

  test('has the same digest however it is written, and another one when anything differs', () => {
    const digest = digestOf(anOrder())
    const same = [
      { ttlSeconds: 900 },
      { amount: { amount: '215.50', currency: 'CNY' } },
      { idempotencyKey: 'other' },
    ]
    const other = [
      { ttlSeconds: 901 },
      { amount: { amount: '215.51', currency: 'CNY' } },
      { reference: 'T' },
      { merchant: 'acquirer-cn-01.M000002' },
      aStatic,
    ]
    for (const input of same) expect(digestOf(anOrder(input))).toBe(digest)
    for (const input of other) expect(digestOf(anOrder(input))).not.toBe(digest)
  })
})
