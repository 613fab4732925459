import { describe, expect, test } from 'vitest'
import type { ParticipantId } from '../../../schema/values/id.ts'
import { describeMerchant, describeMerchants } from '../../../subgraphs/merchant/merchant.ts'
import { aRow, mapById, products } from '../../fixtures/a-merchant.ts'
import { anId } from '../../fixtures/an-id.ts'

const acquirer = { id: anId<ParticipantId>('acquirer-cn-01'), country: 'CN' }
const known = mapById(products)

describe('an acquirer’s description of a merchant', () => {
  test('has an id of acquirer and number, the currency of its country, and the scenario of its category', () => {
    expect(
      describeMerchant(aRow({ mid: 'A-7', mcc: '4121', name: '  Lucky Taxi ' }), acquirer, known),
    ).toEqual({
      id: 'acquirer-cn-01.A-7',
      acquirer: 'acquirer-cn-01',
      mid: 'A-7',
      name: 'Lucky Taxi',
      localName: null,
      status: 'ACTIVE',
      country: 'CN',
      city: 'Shanghai',
      location: { lat: 31.2304, lng: 121.4737 },
      mcc: '4121',
      scenario: 'TRANSPORT',
      online: false,
      currency: 'CNY',
      entryModes: ['MPM_STATIC', 'MPM_DYNAMIC'],
      qrProducts: [],
    })
  })

  test.each([
    { when: 'a scenario of its own', row: { scenario: 'LODGING' } },
    { when: 'no location, selling online', row: { location: null, online: true } },
    { when: 'a location, selling online too', row: { online: true } },
    { when: 'a number of fifteen characters', row: { mid: '123456789012345' } },
    { when: 'the name of 80 characters', row: { name: 'x'.repeat(80) } },
    { when: 'accents and signs', row: { name: 'Café “Łódź” & Söhne, № 3' } },
    { when: 'a name in the local script', row: { localName: '金莲餐厅' } },
    { when: 'a location on the edge of the map', row: { location: { lat: -90, lng: 180 } } },
    { when: 'a product twice', row: { qrProducts: ['qr-cn-001', 'qr-cn-001'] } },
  ])('is accepted with $when', ({ row }) => {
    expect(describeMerchant(aRow(row), acquirer, known)).not.toHaveProperty('kind', 'refused')
  })

  test.each([
    { when: 'an empty number', row: { mid: '' }, code: 'BAD_VALUE', field: 'mid' },
    { when: 'a number of 16 characters', row: { mid: '1234567890123456' }, code: 'BAD_VALUE', field: 'mid' },
    { when: 'a dot in the number', row: { mid: 'a.b' }, code: 'BAD_VALUE', field: 'mid' },
    { when: 'a blank name', row: { name: '  ' }, code: 'BAD_VALUE', field: 'name' },
    { when: 'a name of 81 characters', row: { name: 'x'.repeat(81) }, code: 'BAD_VALUE', field: 'name' },
    { when: 'a line break in the name', row: { name: 'a\nb' }, code: 'BAD_VALUE', field: 'name' },
    { when: 'a name in another script', row: { name: '金莲' }, code: 'BAD_VALUE', field: 'name' },
    { when: 'a name of signs', row: { name: '***' }, code: 'BAD_VALUE', field: 'name' },
    {
      when: 'too long a local name',
      row: { localName: '莲'.repeat(81) },
      code: 'BAD_VALUE',
      field: 'localName',
    },
    { when: 'an unknown category', row: { mcc: '0001' }, code: 'BAD_VALUE', field: 'mcc' },
    { when: 'a category of letters', row: { mcc: 'food' }, code: 'BAD_VALUE', field: 'mcc' },
    { when: 'an unknown scenario', row: { scenario: 'SPACE' }, code: 'BAD_VALUE', field: 'scenario' },
    {
      when: 'an inherited property as a scenario',
      row: { scenario: 'toString' },
      code: 'BAD_VALUE',
      field: 'scenario',
    },
    { when: 'an unknown country', row: { country: 'XX' }, code: 'UNKNOWN_COUNTRY', field: 'country' },
    { when: 'another acquirer’s country', row: { country: 'SG' }, code: 'FORBIDDEN', field: 'country' },
    { when: 'no city', row: { city: '' }, code: 'BAD_VALUE', field: 'city' },
    { when: 'a city in another script', row: { city: '上海' }, code: 'BAD_VALUE', field: 'city' },
    { when: 'no location', row: { location: null }, code: 'BAD_VALUE', field: 'location' },
    {
      when: 'a latitude off the map',
      row: { location: { lat: 90.1, lng: 0 } },
      code: 'BAD_VALUE',
      field: 'location',
    },
    {
      when: 'a longitude off the map',
      row: { location: { lat: 0, lng: -181 } },
      code: 'BAD_VALUE',
      field: 'location',
    },
    { when: 'no way to start a payment', row: { entryModes: [] }, code: 'BAD_VALUE', field: 'entryModes' },
    { when: 'an unknown product', row: { qrProducts: ['qr-x'] }, code: 'BAD_VALUE', field: 'qrProducts' },
    {
      when: 'too many products',
      row: { qrProducts: Array.from({ length: 21 }, (_, n) => `qr-${n}`) },
      code: 'TOO_MANY',
      field: 'qrProducts',
    },
  ])('is refused with $when', ({ row, code, field }) => {
    expect(describeMerchant(aRow(row), acquirer, known)).toMatchObject({
      kind: 'refused',
      code,
      path: [field],
    })
  })
})

describe('the rows of one registration', () => {
  test('are accepted or refused one by one, and a repeated number is refused', () => {
    const rows = [
      aRow({ mid: 'A' }),
      aRow({ mid: 'B', mcc: '0001' }),
      aRow({ mid: 'A', name: 'Another' }),
      aRow({ mid: 'C' }),
    ]
    const { merchants, rejected } = describeMerchants(rows, acquirer, known)
    expect(merchants.map(({ mid, name }) => [mid, name])).toEqual([
      ['A', 'Golden Lotus Café'],
      ['C', 'Golden Lotus Café'],
    ])
    expect(rejected).toMatchObject([
      { index: 1, code: 'BAD_VALUE' },
      { index: 2, code: 'ALREADY_EXISTS' },
    ])
  })
})
