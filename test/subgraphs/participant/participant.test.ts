import { describe, expect, test } from 'vitest'
import type { ParticipantId } from '../../../schema/values/id.ts'
import { isRefusal } from '../../../schema/values/problems.ts'
import {
  apply,
  certify,
  changeStatus,
  readApplication,
  readCertification,
  readParticipantFilter,
  readStatusChange,
  stateOf,
  statusMoves,
  type ApplicationInput,
  type CertificationInput,
  type ParticipantFilterInput,
  type StatusChangeInput,
} from '../../../subgraphs/participant/participant.ts'
import type { Participant, ParticipantStatus } from '../../../subgraphs/shared/registry.ts'
import { aParticipant } from '../../fixtures/a-registry.ts'
import { anId } from '../../fixtures/an-id.ts'
import type { Plain } from '../../fixtures/an-id.ts'

const operator: ParticipantId = anId('operator')
const noon = new Date('2026-03-01T12:00:00Z')
const statuses = Object.keys(statusMoves) as ParticipantStatus[]

describe('a capability', () => {
  test.each([
    { passed: true, validUntil: new Date(noon.getTime() + 1), state: 'CERTIFIED' },
    { passed: true, validUntil: noon, state: 'EXPIRED' },
    { passed: false, validUntil: null, state: 'FAILED' },
    { passed: false, validUntil: new Date(noon.getTime() + 1), state: 'FAILED' },
  ])('is $state (passed: $passed, until $validUntil)', ({ passed, validUntil, state }) => {
    expect(stateOf({ name: 'REFUND', passed, validUntil }, noon)).toBe(state)
  })
})

describe('finding participants', () => {
  const found = (filter: ParticipantFilterInput, participant: Partial<Participant>) => {
    const matches = readParticipantFilter(filter)
    if (isRefusal(matches)) throw new Error(matches.message)
    return matches(aParticipant(participant))
  }

  test.each([
    { filter: {}, candidate: {}, match: true },
    { filter: { roles: [] }, candidate: {}, match: true },
    { filter: { roles: ['ACQUIRER', 'WALLET'] }, candidate: { roles: ['WALLET'] as const }, match: true },
    { filter: { roles: ['ACQUIRER'] }, candidate: { roles: ['WALLET'] as const }, match: false },
    { filter: { countries: ['SG', 'TH'] }, candidate: { country: 'TH' }, match: true },
    { filter: { countries: ['SG'] }, candidate: { country: 'TH' }, match: false },
    { filter: { statuses: ['LIVE'] }, candidate: { status: 'SUSPENDED' as const }, match: false },
    { filter: { search: 'PAY' }, candidate: { name: 'Merlion Pay' }, match: true },
    { filter: { search: 'pay mer' }, candidate: { name: 'Merlion Pay' }, match: true },
    { filter: { search: 'lion' }, candidate: { name: 'Merlion Pay' }, match: false },
    { filter: { search: '支付' }, candidate: { name: '支付宝 Hub' }, match: true },
    { filter: { search: ' - ' }, candidate: { name: 'Merlion Pay' }, match: true },
    {
      filter: { countries: ['TH'], search: 'pay' },
      candidate: { name: 'Merlion Pay', country: 'SG' },
      match: false,
    },
  ])('$filter against $candidate: $match', ({ filter, candidate, match }) => {
    expect(found(filter, candidate)).toBe(match)
  })

  test.each([
    { filter: { roles: ['WALLET', 'BANK'] }, code: 'BAD_VALUE', path: ['where', 'roles', '1'] },
    { filter: { statuses: ['live'] }, code: 'BAD_VALUE', path: ['where', 'statuses', '0'] },
    { filter: { statuses: ['toString'] }, code: 'BAD_VALUE', path: ['where', 'statuses', '0'] },
    { filter: { countries: ['XX'] }, code: 'UNKNOWN_COUNTRY', path: ['where', 'countries', '0'] },
  ])('is refused for $filter', ({ filter, code, path }) => {
    expect(readParticipantFilter(filter)).toMatchObject({ kind: 'refused', code, path })
  })
})

describe('applying', () => {
  const application: ApplicationInput = {
    id: anId('wallet-my-09'),
    name: 'Kinabalu Pay',
    roles: ['WALLET'],
    country: 'MY',
    iin: '10458001',
    settlementCurrency: 'MYR',
  }

  const networks = new Map(
    [
      aParticipant({ id: 'network-unionpay', roles: ['NETWORK'] }),
      aParticipant({ id: 'wallet-sg-01', roles: ['WALLET'] }),
    ].map((one) => [one.id, one]),
  )
  const applied = (input: Plain<ApplicationInput>) => {
    const read = readApplication(input as ApplicationInput, networks)
    return isRefusal(read) ? read : apply(read, operator, noon)
  }

  test('adds an APPLIED participant, which connects through the network that it names', () => {
    expect(applied({ ...application, network: 'network-unionpay' })).toEqual({
      ...application,
      endpoint: null,
      status: 'APPLIED',
      connection: 'SIMULATOR',
      capabilities: [],
      network: 'network-unionpay',
      statusHistory: [{ at: noon, from: null, to: 'APPLIED', by: 'operator', reason: 'Applied' }],
      version: 1,
    })
  })

  test('connects directly unless it names a network', () => {
    expect(applied(application)).toMatchObject({ network: null })
  })

  test.each([
    { change: { id: 'ab' }, code: 'BAD_VALUE', path: 'id' },
    { change: { id: 'Wallet 1' }, code: 'BAD_VALUE', path: 'id' },
    { change: { name: '  ' }, code: 'BAD_VALUE', path: 'name' },
    { change: { name: 'x'.repeat(121) }, code: 'BAD_VALUE', path: 'name' },
    { change: { roles: [] }, code: 'BAD_VALUE', path: 'roles' },
    { change: { roles: ['BANK'] }, code: 'BAD_VALUE', path: 'roles.0' },
    { change: { country: 'XX' }, code: 'UNKNOWN_COUNTRY', path: 'country' },
    { change: { iin: '1234567' }, code: 'BAD_VALUE', path: 'iin' },
    { change: { iin: '1234567x' }, code: 'BAD_VALUE', path: 'iin' },
    { change: { settlementCurrency: 'XXX' }, code: 'UNKNOWN_CURRENCY', path: 'settlementCurrency' },
    { change: { network: 'network-none' }, code: 'PARTICIPANT_UNKNOWN', path: 'network' },
    { change: { network: 'wallet-sg-01' }, code: 'PARTICIPANT_UNKNOWN', path: 'network' },
  ])('is refused with $change', ({ change, code, path }) => {
    expect(applied({ ...application, ...change })).toMatchObject({
      kind: 'refused',
      code,
      path: `input.${path}`.split('.'),
    })
  })
})

describe('certifying', () => {
  const certified = (participant: Participant, input: CertificationInput) => {
    const read = readCertification(input)
    return isRefusal(read) ? read : certify(participant, read, noon)
  }

  test('replaces the earlier outcome of the same capability only', () => {
    const until = new Date('2027-01-01T00:00:00Z')
    const before = aParticipant({
      capabilities: [
        { name: 'REFUND', passed: true, validUntil: until },
        { name: 'MPM_PAY', passed: true, validUntil: noon },
      ],
    })
    expect(certified(before, { capability: 'MPM_PAY', passed: true, validUntil: until })).toMatchObject({
      version: 2,
      capabilities: [
        { name: 'REFUND', passed: true, validUntil: until },
        { name: 'MPM_PAY', passed: true, validUntil: until },
      ],
    })
  })

  test('gives a certificate for a year by default, and none when it failed', () => {
    expect(certified(aParticipant(), { capability: 'REFUND', passed: true })).toMatchObject({
      capabilities: [{ validUntil: new Date('2027-03-01T12:00:00Z') }],
    })
    expect(certified(aParticipant(), { capability: 'REFUND', passed: false })).toMatchObject({
      capabilities: [{ passed: false, validUntil: null }],
    })
  })

  test.each([
    { input: { capability: 'FLYING', passed: true }, path: ['input', 'capability'] },
    { input: { capability: 'MPM_ACCEPT', passed: true }, path: ['input', 'capability'] },
    { input: { capability: 'REFUND', passed: true, validUntil: noon }, path: ['input', 'validUntil'] },
  ])('is refused with $input', ({ input, path }) => {
    expect(certified(aParticipant(), input)).toMatchObject({ code: 'BAD_VALUE', path })
  })
})

describe('changing status', () => {
  const until = new Date('2027-01-01T00:00:00Z')
  const payer = { name: 'MPM_PAY', passed: true, validUntil: until } as const
  const changed = (participant: Participant, input: StatusChangeInput, isProduction = false) => {
    const read = readStatusChange(input)
    return isRefusal(read) ? read : changeStatus(participant, read, { by: operator, now: noon, isProduction })
  }

  test('follows the table, and nothing else, for every pair', () => {
    const allowed = statuses.flatMap((from) =>
      statuses
        .filter((to) => {
          const participant = aParticipant({ status: from, capabilities: [payer] })
          const change = changed(participant, { status: to, reason: 'r' })
          return !isRefusal(change)
        })
        .map((to) => `${from} → ${to}`),
    )
    expect(allowed).toEqual([
      'APPLIED → REVIEW',
      'REVIEW → REJECTED',
      'REVIEW → SANDBOX',
      'SANDBOX → CERTIFYING',
      'CERTIFYING → LIVE',
      'LIVE → SUSPENDED',
      'SUSPENDED → LIVE',
      'SUSPENDED → CLOSED',
    ])
  })

  test('is stored in the history, with the participant that made it and the reason', () => {
    const change = { status: 'SUSPENDED', reason: ' Late files ' }
    expect(changed(aParticipant(), change)).toMatchObject({
      status: 'SUSPENDED',
      version: 2,
      statusHistory: [{ at: noon, from: 'LIVE', to: 'SUSPENDED', by: 'operator', reason: 'Late files' }],
    })
  })

  test.each([
    { input: { status: 'GONE', reason: 'r' }, code: 'BAD_VALUE', path: ['input', 'status'] },
    { input: { status: 'CLOSED', reason: 'r' }, code: 'STATUS_NOT_ALLOWED', path: ['input', 'status'] },
    { input: { status: 'SUSPENDED', reason: ' ' }, code: 'BAD_VALUE', path: ['input', 'reason'] },
    { input: { status: 'SUSPENDED', reason: 'x'.repeat(501) }, code: 'BAD_VALUE', path: ['input', 'reason'] },
  ])('is refused with $input.status and a reason of $input.reason.length', ({ input, code, path }) => {
    expect(changed(aParticipant(), input)).toMatchObject({ code, path })
  })

  const acceptor = { ...payer, name: 'MPM_ACCEPT' } as const
  test.each([
    { candidate: 'a wallet without a certificate', over: {}, lacks: 'MPM_PAY or CPM_PRESENT' },
    {
      candidate: 'one with an expired certificate',
      over: { capabilities: [{ ...payer, validUntil: noon }] },
    },
    { candidate: 'one that failed', over: { capabilities: [{ ...payer, passed: false }] } },
    {
      candidate: 'one that may only refund',
      over: { capabilities: [{ ...payer, name: 'REFUND' as const }] },
    },
    { candidate: 'an acquirer', over: { roles: ['ACQUIRER' as const] }, lacks: 'MPM_ACCEPT or CPM_CHARGE' },
    {
      candidate: 'one with two roles and a certificate for one',
      over: { roles: ['WALLET' as const, 'ACQUIRER' as const], capabilities: [payer] },
      lacks: 'MPM_ACCEPT or CPM_CHARGE',
    },
  ])('refuses LIVE without a certificate: $candidate', ({ over, lacks = 'MPM_PAY' }) => {
    const participant = aParticipant({ status: 'CERTIFYING', ...over })
    const refusal = changed(participant, { status: 'LIVE', reason: 'r' })
    expect(refusal).toMatchObject({ code: 'NOT_CERTIFIED', path: ['input', 'status'] })
    expect(refusal).toMatchObject({ message: expect.stringContaining(lacks) })
  })

  test('allows LIVE with a certificate for each role that pays or accepts; other roles need none', () => {
    const both = { roles: ['WALLET', 'ACQUIRER'] as const, capabilities: [payer, acceptor] }
    for (const over of [both, { roles: ['NETWORK'] as const }]) {
      const participant = aParticipant({ status: 'CERTIFYING', ...over })
      expect(changed(participant, { status: 'LIVE', reason: 'r' })).toMatchObject({ status: 'LIVE' })
    }
  })

  test('refuses LIVE on the simulator in production, and allows it in a demo', () => {
    const simulated = aParticipant({ status: 'SUSPENDED', connection: 'SIMULATOR', capabilities: [payer] })
    const change = { status: 'LIVE', reason: 'r' }
    expect(changed(simulated, change, true)).toMatchObject({
      code: 'SIMULATOR_NOT_ALLOWED',
      path: ['input', 'status'],
    })
    expect(changed(simulated, change)).toMatchObject({ status: 'LIVE' })
    expect(changed({ ...simulated, connection: 'STREAM' }, change, true)).toMatchObject({ status: 'LIVE' })
  })
})
