// Consumer-presented codes to test with: what each test does not care about is filled in here.

import * as fc from 'fast-check'
import type { CpmInput } from '../../../schema/qr/index.ts'
import { digits, maybe } from './a-code.ts'

/** A UnionPay token, changed by `change`. */
export const aPresentedCode = (change: Partial<CpmInput['applications'][number]> = {}): CpmInput => ({
  applications: [
    {
      aid: 'A000000333010101',
      label: 'UnionPay',
      language: 'zhen',
      applicationVersion: '0030',
      tokenRequestor: '01234567890',
      paymentAccountReference: 'Q1HJZ28RKA1EBL470G9XYG90R5D3E',
      lastFour: '0042',
      chip: { cryptogram: '584FD385FA234BCC', cryptogramInformation: '80', transactionCounter: '0001' },
      ...change,
    },
  ],
})

const text = (minLength: number, maxLength: number) =>
  fc.string({ unit: fc.constantFrom('A', 'z', ' ', '.', '-', '/'), minLength, maxLength })

const hexadecimal = (min: number, max: number) =>
  fc
    .uint8Array({ minLength: min, maxLength: max })
    .map((bytes) => Buffer.from(bytes).toString('hex').toUpperCase())

const data = {
  language: maybe(fc.constantFrom('zh', 'zhen')),
  issuerUrl: maybe(text(1, 200)),
  applicationVersion: maybe(hexadecimal(2, 2)),
  tokenRequestor: maybe(digits(11)),
  paymentAccountReference: maybe(text(29, 29)),
  lastFour: maybe(digits(4)),
  chip: maybe(
    fc.record({
      interchangeProfile: maybe(hexadecimal(2, 2)),
      issuerApplicationData: maybe(hexadecimal(1, 32)),
      cryptogram: maybe(hexadecimal(8, 8)),
      cryptogramInformation: maybe(hexadecimal(1, 1)),
      transactionCounter: maybe(hexadecimal(2, 2)),
      unpredictableNumber: maybe(hexadecimal(4, 4)),
    }),
  ),
}

/** Everything that can be presented. */
export const anyPresentedCode: fc.Arbitrary<CpmInput> = fc.record({
  applications: fc.array(fc.record({ aid: hexadecimal(5, 16), label: maybe(text(1, 16)), ...data }), {
    minLength: 1,
    maxLength: 3,
  }),
  common: maybe(fc.record(data)),
})
