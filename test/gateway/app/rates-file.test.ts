import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, test } from 'vitest'
import { RatesFileError, readRatesFile } from '../../../gateway/app/rates-file.ts'
import { startFailure } from '../../../gateway/app/start-failure.ts'
import { temporaryFolder } from '../../harness/temporary-folder.ts'

const noon = new Date('2026-03-01T12:00:00Z')
const file = path.join(temporaryFolder(), 'rates.json')
const good = {
  rows: [
    { currency: 'SGD', cny: '5.549' },
    { currency: 'JPY', cny: '0.04836' },
  ],
  asOf: '2026-03-01T20:00:00+08:00',
  markupBasisPoints: 50,
}
const read = (content: unknown) => {
  writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content))
  return readRatesFile(file, noon)
}

describe('the file of exchange rates', () => {
  test('has the form that `setRates` takes', async () => {
    expect(await read(good)).toEqual({
      cny: { SGD: '5.549', JPY: '0.04836' },
      asOf: noon,
      markupBasisPoints: 50,
    })
  })

  const second = (row: object) => ({ ...good, rows: [good.rows[0], row] })
  test.each([
    { when: 'it is not JSON', content: '{', mistake: 'it is not JSON' },
    { when: 'it is something else', content: [], mistake: 'the file: ' },
    { when: 'a row has a number', content: second({ currency: 'JPY', cny: 5 }), mistake: 'rows.1.cny: ' },
    { when: 'a row lacks its rate', content: second({ currency: 'JPY' }), mistake: 'rows.1.cny: ' },
    { when: 'a row has more', content: second({ ...good.rows[1], usd: '1' }), mistake: 'rows.1: ' },
    {
      when: 'a currency is not supported',
      content: second({ currency: 'XXX', cny: '1' }),
      mistake: 'rows.1.currency: ',
    },
    {
      when: 'a rate is negative',
      content: second({ currency: 'JPY', cny: '-1' }),
      mistake: 'rows.1.cny: a rate must be greater than zero, not "-1"',
    },
    { when: 'the time is not a time', content: { ...good, asOf: 'today' }, mistake: 'asOf: ' },
    {
      when: 'the time is in the future',
      content: { ...good, asOf: '2026-03-01T12:00:00.001Z' },
      mistake: 'asOf: 2026-03-01T12:00:00.001Z is in the future',
    },
    {
      when: 'the mark-up is too high',
      content: { ...good, markupBasisPoints: 1001 },
      mistake: 'markupBasisPoints: ',
    },
  ])('stops the hub from starting when $when, and gives the path', async ({ content, mistake }) => {
    const failure = await read(content).then(
      () => null,
      (error: unknown) => error,
    )
    expect(failure).toBeInstanceOf(RatesFileError)
    expect(startFailure(failure)).toMatch(
      /^The hub cannot start \(RATES_FILE_INVALID\): RATES_FILE=.*rates\.json/,
    )
    expect(startFailure(failure)).toContain(`\n  ${mistake}`)
  })

  test('stops the hub from starting when it is not there', async () => {
    await expect(readRatesFile(`${file}.gone`, noon)).rejects.toThrow('it cannot be read (ENOENT)')
  })
})
