// Answers the requests of a hub, as an acquirer or as a wallet, in the form of docs/guide/counterparty.md:
//   npx node examples/counterparty.ts SECRET [PORT]
// It approves everything but 13.00. Its memory stands for a database that is written before each answer.

import { createServer } from 'node:http'
import { Webhook } from 'standardwebhooks'

const [secret, port = '9000'] = process.argv.slice(2)
if (!secret) throw new Error('usage: npx node examples/counterparty.ts SECRET [PORT]')
const webhook = new Webhook(secret)

interface Request {
  readonly type: string
  readonly data: {
    readonly respondBy: string
    readonly payment: { readonly id: string; readonly merchantAmount: { readonly amount: string } }
  }
}

interface Decision {
  readonly decision: 'APPROVE' | 'DECLINE'
  readonly reason?: string
}

const decisions = new Map<string, Decision>()
/** Payments that may no longer be approved: undone, or reported as never seen. */
const barred = new Set<string>()

function decide({ respondBy, payment: { id, merchantAmount } }: Request['data']): Decision {
  if (barred.has(id)) return { decision: 'DECLINE', reason: 'CUST' }
  // A repeated request gets the answer of the first one.
  const known = decisions.get(id)
  if (known) return known
  const isLate = Date.now() > Date.parse(respondBy)
  const decision: Decision = isLate
    ? { decision: 'DECLINE', reason: 'AB05' }
    : merchantAmount.amount === '13.00'
      ? { decision: 'DECLINE', reason: 'AM04' }
      : { decision: 'APPROVE' }
  decisions.set(id, decision)
  return decision
}

/** The answer to a request; null for an event, which needs none. */
function answerTo({ type, data }: Request): object | null {
  const { id } = data.payment
  switch (type) {
    case 'payment.authorize':
      return decide(data)
    case 'payment.inquire':
      if (!decisions.has(id)) barred.add(id)
      return decisions.get(id) ?? { decision: 'NEVER_SEEN' }
    case 'payment.reverse':
    case 'payment.cancel':
      barred.add(id)
      return { decision: 'ACKNOWLEDGE' }
    default:
      return null
  }
}

createServer(async (request, response) => {
  const body = (await request.toArray()).join('')
  let message: Request
  try {
    message = webhook.verify(body, request.headers as Record<string, string>) as Request
  } catch {
    response.writeHead(400).end('the signature is not valid')
    return
  }
  const answer = answerTo(message)
  console.log(`${message.type} ${message.data.payment.id} ${answer ? JSON.stringify(answer) : ''}`)
  if (answer) response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(answer))
  else response.writeHead(204).end()
}).listen(Number(port), '127.0.0.1', () => console.log(`Answering at http://127.0.0.1:${port}/`))
