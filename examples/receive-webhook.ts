// Receives webhooks and checks their signatures. Run it with the secret that `createWebhook` returned:
//   npx node examples/receive-webhook.ts SECRET [PORT]

import { createServer } from 'node:http'
import { Webhook } from 'standardwebhooks'

const [secret, port = '9000'] = process.argv.slice(2)
if (!secret) throw new Error('usage: npx node examples/receive-webhook.ts SECRET [PORT]')
const webhook = new Webhook(secret)

interface Message {
  readonly type: string
  readonly data: { readonly sequence: number; readonly payment: { readonly id: string } }
}

/** Ids of messages that were received. A message may arrive more than once, always with the same id. */
const received = new Set<string>()

createServer(async (request, response) => {
  const body = (await request.toArray()).join('')
  const id = String(request.headers['webhook-id'])
  try {
    const { type, data } = webhook.verify(body, request.headers as Record<string, string>) as Message
    if (!received.has(id)) console.log(`${type} ${data.payment.id}, event ${data.sequence}`)
    received.add(id)
    response.writeHead(204).end() // any 2xx status ends the retries
  } catch {
    response.writeHead(400).end('the signature is not valid')
  }
}).listen(Number(port), '127.0.0.1', () => console.log(`Receiving at http://127.0.0.1:${port}/`))
