// Erases a customer’s pseudonym: node gateway/cli/erase.ts WALLET CUSTOMER
// It writes to the database at MONGODB_URI, while hubs run.

import type { Db } from 'mongodb'
import { randomUUID } from 'node:crypto'
import type { ParticipantId } from '../../schema/values/id.ts'
import { eraseCustomer } from '../../subgraphs/transaction/index.ts'
import { runCommand } from './run.ts'

const usage = `usage: npm run erase -- WALLET CUSTOMER
CUSTOMER is the wallet’s pseudonym of the customer, or the reference of an account token`

interface Order {
  readonly wallet: ParticipantId
  readonly customer: string
}

function readOrder(args: readonly string[]): Order {
  const [wallet, customer] = args
  if (args.length !== 2 || !wallet || !customer) throw new Error(usage)
  return { wallet: wallet as ParticipantId, customer }
}

async function run({ wallet, customer }: Order, db: Db): Promise<string> {
  const { payments, left } = await eraseCustomer(db, wallet, customer, randomUUID(), new Date())
  const rest = left > 0 ? `; ${left} of the last two days still name it: run this again in two days` : ''
  return `erased from ${payments} payments${rest}`
}

await runCommand({ usage, read: readOrder, run })
