import { describe, expect, test } from 'vitest'
import { money } from '../../../schema/values/money.ts'
import { isRefusal } from '../../../schema/values/problems.ts'
import {
  changeTerms,
  readCorridorFilter,
  readTerms,
  type CorridorFilterInput,
  type CorridorTermsInput,
} from '../../../subgraphs/participant/corridor.ts'
import { programmeFigures } from '../../../subgraphs/participant/project.ts'
import { aCorridor, aParticipant, aProject } from '../../fixtures/a-registry.ts'
import { mapById } from '../../fixtures/map-by-id.ts'
import type { Plain } from '../../fixtures/an-id.ts'

const projects = mapById([aProject({ id: 'sg-sgqr', model: 'N2N' })])

describe('finding corridors', () => {
  const found = (filter: CorridorFilterInput, project: string | null = 'sg-sgqr') => {
    const matches = readCorridorFilter(filter, projects)
    if (isRefusal(matches)) throw new Error(matches.message)
    return matches(aCorridor({ id: 'SG-CN', project }))
  }

  test.each([
    { filter: {}, match: true },
    { filter: { walletCountries: ['SG'], merchantCountries: ['CN'] }, match: true },
    { filter: { walletCountries: ['CN'] }, match: false },
    { filter: { merchantCountries: ['SG'] }, match: false },
    { filter: { directions: ['INBOUND' as const] }, match: true },
    { filter: { directions: ['OUTBOUND' as const, 'LOCAL' as const] }, match: false },
    { filter: { models: ['N2N'] }, match: true },
    { filter: { models: ['G2G'] }, match: false },
  ])('$filter: $match', ({ filter, match }) => {
    expect(found(filter)).toBe(match)
  })

  test('by model excludes corridors without a project', () => {
    expect(found({ models: ['N2N', 'G2G'] }, null)).toBe(false)
  })

  test.each([
    { filter: { models: ['P2P'] }, code: 'BAD_VALUE', path: ['where', 'models', '0'] },
    {
      filter: { walletCountries: ['SG', 'XX'] },
      code: 'UNKNOWN_COUNTRY',
      path: ['where', 'walletCountries', '1'],
    },
    {
      filter: { merchantCountries: ['XX'] },
      code: 'UNKNOWN_COUNTRY',
      path: ['where', 'merchantCountries', '0'],
    },
  ])('is refused for $filter', ({ filter, code, path }) => {
    expect(readCorridorFilter(filter, projects)).toMatchObject({ code, path })
  })
})

describe('changing terms', () => {
  const before = aCorridor({ version: 3 })
  const projectsById = mapById([aProject(), aProject({ id: 'vn-napas', country: 'VN' })])
  const change = (terms: Partial<Plain<CorridorTermsInput>>) => {
    const read = readTerms({ expectedVersion: 3, ...terms } as CorridorTermsInput)
    return isRefusal(read) ? read : changeTerms(before, read, projectsById)
  }

  test('changes the given terms only', () => {
    expect(
      change({
        status: 'CLOSED',
        perDay: { amount: '30000', currency: 'CNY' },
        basisPoints: 0,
      }),
    ).toEqual({
      ...before,
      status: 'CLOSED',
      limits: { ...before.limits, perDay: money(30_000_00n, 'CNY') },
      fees: { ...before.fees, basisPoints: 0 },
      version: 4,
    })
  })

  test('can change every term', () => {
    expect(
      change({
        project: 'sg-sgqr',
        entryModes: ['CPM', 'CPM'],
        currencies: ['CNY', 'USD', 'CNY'],
        perPayment: { amount: '1', currency: 'CNY' },
        perDay: { amount: '2', currency: 'CNY' },
        freeUpTo: { amount: '3', currency: 'CNY' },
        basisPoints: 4,
        quoteTtlSeconds: 65,
        authorizationTimeoutMs: 6000,
        cancelCutoffMinutes: 0,
        refundWindowDays: 8,
        settlementCurrency: 'SGD',
      }),
    ).toEqual({
      ...before,
      project: 'sg-sgqr',
      entryModes: ['CPM'],
      currencies: ['CNY', 'USD'],
      limits: { perPayment: money(1_00n, 'CNY'), perDay: money(2_00n, 'CNY') },
      fees: { freeUpTo: money(3_00n, 'CNY'), basisPoints: 4 },
      quoteTtlSeconds: 65,
      authorizationTimeoutMs: 6000,
      cancelCutoffMinutes: 0,
      refundWindowDays: 8,
      settlementCurrency: 'SGD',
      version: 4,
    })
  })

  test.each([
    { terms: { expectedVersion: 2 }, code: 'VERSION_CONFLICT', path: 'expectedVersion' },
    { terms: { status: 'AJAR' }, code: 'BAD_VALUE', path: 'status' },
    {
      terms: { perPayment: { amount: '-1', currency: 'CNY' } },
      code: 'AMOUNT_NOT_POSITIVE',
      path: 'perPayment.amount',
    },
    {
      terms: { perPayment: { amount: '1', currency: 'SGD' } },
      code: 'WRONG_CURRENCY',
      path: 'perPayment.currency',
    },
    {
      terms: { perDay: { amount: '1.001', currency: 'CNY' } },
      code: 'AMOUNT_TOO_PRECISE',
      path: 'perDay.amount',
    },
    {
      terms: { freeUpTo: { amount: '1', currency: '???' } },
      code: 'UNKNOWN_CURRENCY',
      path: 'freeUpTo.currency',
    },
    { terms: { perDay: { amount: '1', currency: 'CNY' } }, code: 'BAD_VALUE', path: 'perDay' },
    { terms: { perPayment: { amount: '20000.01', currency: 'CNY' } }, code: 'BAD_VALUE', path: 'perPayment' },
    { terms: { project: 'nothing' }, code: 'NOT_FOUND', path: 'project' },
    { terms: { project: 'vn-napas' }, code: 'BAD_VALUE', path: 'project' },
    { terms: { entryModes: [] }, code: 'BAD_VALUE', path: 'entryModes' },
    { terms: { entryModes: ['CPM', 'NFC'] }, code: 'BAD_VALUE', path: 'entryModes.1' },
    { terms: { currencies: [] }, code: 'BAD_VALUE', path: 'currencies' },
    { terms: { currencies: ['CNY', 'XXX'] }, code: 'UNKNOWN_CURRENCY', path: 'currencies.1' },
    { terms: { settlementCurrency: 'cny' }, code: 'UNKNOWN_CURRENCY', path: 'settlementCurrency' },
    { terms: { cancelCutoffMinutes: 1441 }, code: 'BAD_VALUE', path: 'cancelCutoffMinutes' },
    { terms: { basisPoints: 1001 }, code: 'BAD_VALUE', path: 'basisPoints' },
    { terms: { basisPoints: -1 }, code: 'BAD_VALUE', path: 'basisPoints' },
    { terms: { quoteTtlSeconds: 59 }, code: 'BAD_VALUE', path: 'quoteTtlSeconds' },
    { terms: { quoteTtlSeconds: 601 }, code: 'BAD_VALUE', path: 'quoteTtlSeconds' },
    { terms: { authorizationTimeoutMs: 999 }, code: 'BAD_VALUE', path: 'authorizationTimeoutMs' },
    { terms: { refundWindowDays: 366 }, code: 'BAD_VALUE', path: 'refundWindowDays' },
  ])('is refused with $terms', ({ terms, code, path }) => {
    expect(change({ ...terms })).toMatchObject({
      kind: 'refused',
      code,
      path: `input.${path}`.split('.'),
    })
  })
})

test('the programme counts LIVE wallets from abroad, and each country once', () => {
  const participants = [
    aParticipant({ id: 'a', country: 'SG' }),
    aParticipant({ id: 'b', country: 'SG' }),
    aParticipant({ id: 'c', country: 'TH', roles: ['ACQUIRER', 'WALLET'] }),
    aParticipant({ id: 'd', country: 'CN' }),
    aParticipant({ id: 'e', country: 'MY', status: 'SUSPENDED' }),
    aParticipant({ id: 'f', country: 'VN', roles: ['ACQUIRER'] }),
  ]
  const agreements = [
    aProject({ id: 'p', country: 'VN' }),
    aProject({ id: 'q', country: 'VN' }),
    aProject({ id: 'r', country: 'ID' }),
  ]
  expect(programmeFigures(participants, agreements)).toEqual({
    wallets: 3,
    walletCountries: 2,
    projects: 3,
    projectCountries: 2,
  })
})
