// Reads the file that RATES_FILE names: exchange rates as JSON, in the form that `setRates` takes.

import { readFile } from 'node:fs/promises'
import { z } from 'zod'
import { isRefusal } from '../../schema/values/problems.ts'
import { readRateTable, type RateTable } from '../../subgraphs/transaction/index.ts'

const fileForm = z.strictObject({
  rows: z.array(z.strictObject({ currency: z.string(), cny: z.string() })),
  asOf: z.iso.datetime({ offset: true }).transform((text) => new Date(text)),
  markupBasisPoints: z.int(),
})

/** Lists every mistake in the file on a line of its own, with its path: "rows.3.cny". */
export class RatesFileError extends Error {
  readonly code = 'RATES_FILE_INVALID'
  constructor(file: string, mistakes: readonly string[], cause?: unknown) {
    super(`RATES_FILE=${file} cannot be used:\n${mistakes.map((mistake) => `  ${mistake}`).join('\n')}`, {
      cause,
    })
    this.name = 'RatesFileError'
  }
}

/** Reads and checks the rate table in `file`. Throws RatesFileError. */
export async function readRatesFile(file: string, now: Date): Promise<RateTable> {
  const content = await contentOf(file)
  const read = fileForm.safeParse(content)
  if (!read.success) {
    throw new RatesFileError(
      file,
      read.error.issues.map(({ path, message }) => `${path.join('.') || 'the file'}: ${message}`),
    )
  }
  const table = readRateTable(read.data, [])
  if (isRefusal(table)) throw new RatesFileError(file, [`${table.path.join('.')}: ${table.message}`])
  if (table.asOf > now) throw new RatesFileError(file, [`asOf: ${table.asOf.toISOString()} is in the future`])
  return table
}

async function contentOf(file: string): Promise<unknown> {
  let text: string
  try {
    text = await readFile(file, 'utf8')
  } catch (cause) {
    throw new RatesFileError(file, [`it cannot be read (${(cause as NodeJS.ErrnoException).code})`], cause)
  }
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new RatesFileError(file, [`it is not JSON: ${(cause as Error).message}`], cause)
  }
}
