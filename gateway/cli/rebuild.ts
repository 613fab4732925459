// Rebuilds a projection from the log: node gateway/cli/rebuild.ts NAME [--from POSITION]
// It writes to the database at MONGODB_URI. A running hub over that database begins within a second;
// without one, the next hub that starts does. The previous results stay visible until the new ones have
// caught up.

import type { Db } from 'mongodb'
import { parseArgs } from 'node:util'
import { analyticsProjections } from '../../subgraphs/analytics/index.ts'
import { LogTrimmedError, rebuild } from '../../subgraphs/log/rebuild.ts'
import { outletProjectionName, transactionProjections } from '../../subgraphs/transaction/index.ts'
import { runCommand } from './run.ts'

const projections = [...analyticsProjections, ...transactionProjections, outletProjectionName]

/** Projections whose results must include every entry. */
const complete: ReadonlySet<string> = new Set(['bookings'])

const usage = `usage: npm run rebuild -- NAME [--from POSITION]
names: ${projections.join(' ')}
--from: begin at this position of the log instead of at 1; the results then lack all earlier entries`

interface Order {
  readonly name: string
  readonly from: bigint
}

function readOrder(args: readonly string[]): Order {
  const { positionals, values } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: { from: { type: 'string' } },
  })
  const [name = ''] = positionals
  const { from = '1' } = values
  if (positionals.length !== 1 || !projections.includes(name)) throw new Error(usage)
  if (!/^[1-9]\d{0,17}$/.test(from))
    throw new Error(`--from takes a position of the log, not "${from}"\n${usage}`)
  if (values.from !== undefined && complete.has(name)) {
    throw new Error(`${name} takes the whole log: bookings that are not settled yet would be lost\n${usage}`)
  }
  return { name, from: BigInt(from) }
}

async function run({ name, from }: Order, db: Db): Promise<string> {
  try {
    return `${name} is rebuilt from position ${await rebuild(db, name, from)} of the log`
  } catch (error) {
    if (!(error instanceof LogTrimmedError)) throw error
    const advice = complete.has(name)
      ? `${name} takes the whole log, so its results stay as they are.`
      : `To rebuild it from the entries that are left, add --from ${error.first}: the results then lack all earlier entries.`
    throw new Error(`${error.message}.\n${advice}`, { cause: error })
  }
}

await runCommand({ usage, read: readOrder, run })
