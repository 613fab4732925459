import { expect, test } from 'vitest'
import { defaultZone, settlementDate } from '../../../../subgraphs/transaction/payment/settlement-date.ts'

test.each([
  {
    when: 'a moment before the cut-off',
    at: '2026-03-01T14:59:59.999Z',
    zone: defaultZone,
    date: '2026-03-01',
  },
  { when: 'at the cut-off', at: '2026-03-01T15:00:00.000Z', zone: defaultZone, date: '2026-03-02' },
  { when: 'just after midnight', at: '2026-03-01T16:00:00.000Z', zone: defaultZone, date: '2026-03-02' },
  { when: 'at the end of a year', at: '2026-12-31T15:30:00Z', zone: defaultZone, date: '2027-01-01' },
  { when: 'on a leap day', at: '2028-02-28T15:00:00Z', zone: defaultZone, date: '2028-02-29' },
  {
    when: 'west of Greenwich',
    at: '2026-03-01T02:30:00Z',
    zone: { offsetMinutes: -180, cutOff: '23:30' },
    date: '2026-03-01',
  },
  {
    when: 'in a zone of half hours, cut off at noon',
    at: '2026-03-01T06:30:00Z',
    zone: { offsetMinutes: 330, cutOff: '12:00' },
    date: '2026-03-02',
  },
])('a payment completed $when settles on $date', ({ at, zone, date }) => {
  expect(settlementDate(new Date(at), zone)).toBe(date)
})
