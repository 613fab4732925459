import { describe, expect, test } from 'vitest'
import {
  readChanges,
  readNewEndpoint,
  readOverlapMs,
  rotate,
  type EndpointSecret,
} from '../../../../subgraphs/transaction/webhooks/endpoint.ts'
import { validSecrets } from '../../../../subgraphs/shared/signing-secret.ts'
import { anId } from '../../../fixtures/an-id.ts'

const wanted = { idempotencyKey: 'k1', url: 'https://example.com/hooks', events: ['APPROVED'] }
const hourMs = 3_600_000

describe('the fields of a new webhook', () => {
  test.each([
    { events: ['APPROVED', 'REFUNDED'], kept: ['APPROVED', 'REFUNDED'] },
    { events: ['APPROVED', 'APPROVED'], kept: ['APPROVED'] },
    { events: ['*'], kept: ['*'] },
    { events: ['APPROVED', '*'], kept: ['*'] },
    { events: ['LATE_MESSAGE'], kept: ['LATE_MESSAGE'] },
  ])('$events', ({ events, kept }) => {
    expect(readNewEndpoint({ ...wanted, events }, 'PUBLIC')).toEqual({ url: wanted.url, events: kept })
  })

  test.each([
    { given: { url: 'example.com' }, path: ['input', 'url'], code: 'BAD_VALUE' },
    { given: { url: 'https://10.0.0.1/' }, path: ['input', 'url'], code: 'ADDRESS_NOT_ALLOWED' },
    { given: { events: [] }, path: ['input', 'events'], code: 'BAD_VALUE' },
    { given: { events: Array(33).fill('SENT') }, path: ['input', 'events'], code: 'BAD_VALUE' },
    { given: { events: ['SENT', 'approved'] }, path: ['input', 'events', '1'], code: 'BAD_VALUE' },
    { given: { events: ['constructor'] }, path: ['input', 'events', '0'], code: 'BAD_VALUE' },
  ])('is refused at $path: $given', ({ given, path, code }) => {
    expect(readNewEndpoint({ ...wanted, ...given }, 'PUBLIC')).toMatchObject({ kind: 'refused', code, path })
  })
})

describe('the changes to a webhook', () => {
  test('are only the fields of the input', () => {
    expect(readChanges({ webhook: anId('w') }, 'PUBLIC')).toEqual({})
    expect(readChanges({ webhook: anId('w'), url: null, status: 'DISABLED' }, 'PUBLIC')).toEqual({
      status: 'DISABLED',
    })
  })

  test.each([
    { given: { url: 'https://localhost/' }, path: ['input', 'url'], code: 'ADDRESS_NOT_ALLOWED' },
    { given: { events: ['NEVER'] }, path: ['input', 'events', '0'], code: 'BAD_VALUE' },
  ])('are refused at $path: $given', ({ given, path, code }) => {
    expect(readChanges({ webhook: anId('w'), ...given }, 'PUBLIC')).toMatchObject({
      kind: 'refused',
      code,
      path,
    })
  })
})

describe('rotating secrets', () => {
  const now = new Date('2026-03-01T04:00:00Z')
  const at = (ms: number) => new Date(now.getTime() + ms)
  const first: EndpointSecret = { secret: 'first', notAfter: null, by: 'k0' }
  const issued = { secret: 'second', by: 'k1' }
  const names = (secrets: unknown, when: Date) =>
    validSecrets(secrets as EndpointSecret[], when).map(({ secret }) => secret)

  test('keeps the previous secret valid for the overlap', () => {
    const secrets = rotate([first], issued, 24 * hourMs, now)
    expect(names(secrets, now)).toEqual(['first', 'second'])
    expect(names(secrets, at(24 * hourMs - 1))).toEqual(['first', 'second'])
    expect(names(secrets, at(24 * hourMs))).toEqual(['second'])
  })

  test('expires all previous secrets at once without an overlap', () => {
    expect(names(rotate([first], issued, 0, now), now)).toEqual(['second'])
  })

  test('never extends the expiry of a secret', () => {
    const expiring = { ...first, notAfter: at(hourMs) }
    const secrets = rotate(
      [expiring, { ...issued, notAfter: null }],
      { secret: 'third', by: 'k2' },
      24 * hourMs,
      now,
    )
    expect(secrets).toMatchObject([
      { notAfter: at(hourMs) },
      { notAfter: at(24 * hourMs) },
      { notAfter: null },
    ])
  })

  test('is refused while four secrets sign, unless it expires them', () => {
    const four = ['a', 'b', 'c'].map((secret) => ({ secret, notAfter: at(hourMs), by: secret }))
    const secrets = [...four, { secret: 'd', notAfter: null, by: 'd' }]
    expect(rotate(secrets, issued, hourMs, now)).toMatchObject({ kind: 'refused', code: 'TOO_MANY' })
    expect(names(rotate(secrets, issued, 0, now), now)).toEqual(['second'])
    expect(names(rotate(secrets, issued, hourMs, at(hourMs)), at(hourMs))).toEqual(['d', 'second'])
  })

  test.each([
    { overlapHours: null, ms: 24 * hourMs },
    { overlapHours: 0, ms: 0 },
    { overlapHours: 168, ms: 168 * hourMs },
    { overlapHours: -1, ms: null },
    { overlapHours: 169, ms: null },
  ])('$overlapHours hours of overlap', ({ overlapHours, ms }) => {
    const read = readOverlapMs({ idempotencyKey: 'k', webhook: anId('w'), overlapHours })
    if (ms !== null) expect(read).toBe(ms)
    else expect(read).toMatchObject({ code: 'BAD_VALUE', path: ['input', 'overlapHours'] })
  })
})
