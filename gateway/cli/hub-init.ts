// Makes the operator of an empty hub, and its first key: npm run hub:init -- --name NAME --country CN
// --currency CNY Everything else in a hub is then made by mutations of the operator. A running hub applies
// both at once.

import type { Db } from 'mongodb'
import { parseArgs } from 'node:util'
import { scopes, type Scope } from '../../schema/values/scopes.ts'
import { isRefusal } from '../../schema/values/problems.ts'
import { addFirstOperator } from '../../subgraphs/participant/index.ts'
import { hubParticipant } from '../../subgraphs/shared/registry.ts'
import { createKeyStore } from '../identity/key-store.ts'
import { runCommand } from './run.ts'

const usage = `usage: npm run hub:init -- --name NAME [--country CN] [--currency CNY]
Adds the participant "${hubParticipant}", which runs the hub, to the database at MONGODB_URI, and prints its key, which
cannot be printed again. Refused when there is an operator: its other keys are issued by npm run key.`

interface Order {
  readonly name: string
  readonly country: string
  readonly settlementCurrency: string
}

function readOrder(args: readonly string[]): Order {
  const { values } = parseArgs({
    args: [...args],
    options: {
      name: { type: 'string' },
      country: { type: 'string', default: 'CN' },
      currency: { type: 'string', default: 'CNY' },
    },
  })
  const { name, country, currency: settlementCurrency } = values
  if (name === undefined) throw new Error(usage)
  return { name, country, settlementCurrency }
}

async function run(order: Order, db: Db): Promise<string> {
  const added = await addFirstOperator(db, order, () => new Date())
  if (!isRefusal(added)) {
    const granted = Object.keys(scopes) as Scope[]
    return createKeyStore(db).issue(
      { participant: hubParticipant, scopes: granted, label: 'first key of the operator' },
      new Date(),
    )
  }
  if (added.code !== 'ALREADY_EXISTS') throw new Error(`${added.path.join('.')}: ${added.message}\n${usage}`)
  throw new Error(
    `this database has an operator: another key is issued by npm run key -- issue ${hubParticipant} LABEL operator`,
  )
}

await runCommand({ usage, read: readOrder, run })
