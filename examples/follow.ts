// Follows all payments of the demo acquirer, and resumes after the last event that it stored, however it
// ended:
//   npx node examples/follow.ts [HUB] [FILE]

import { appendFileSync, existsSync, readFileSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import { createClient } from 'graphql-ws'
import WebSocket from 'ws'

const [hub = 'http://127.0.0.1:4000', file = 'events.jsonl'] = process.argv.slice(2)

// An event and its cursor are one line, stored by one write: after a kill, the file has both or neither.
const last = existsSync(file) ? readFileSync(file, 'utf8').trimEnd().split('\n').at(-1) : undefined
let after = last ? (JSON.parse(last) as { cursor: string }).cursor : null

const client = createClient({
  url: `${hub.replace('http', 'ws')}/graphql`,
  webSocketImpl: WebSocket,
  connectionParams: { authorization: 'Bearer demo-acquirer' },
  retryAttempts: 0, // the loop below connects again, with the latest cursor
  on: { connected: () => console.log(after ? 'Resuming after the last event' : 'Following from now on') },
})
const query = `subscription($after: String) {
  transactionEvents(after: $after) { cursor to transaction { merchant { name city } merchantAmount { amount currency } } }
}`
interface Event {
  cursor: string
  to: string
  transaction: {
    merchant: { name: string; city: string }
    merchantAmount: { amount: string; currency: string }
  }
}

for (;;) {
  try {
    const results = client.iterate<{ transactionEvents: Event }>({ query, variables: { after } })
    for await (const { data, errors } of results) {
      if (!data) throw new Error(errors?.[0]?.message)
      const { cursor, to, transaction } = data.transactionEvents
      appendFileSync(file, `${JSON.stringify(data.transactionEvents)}\n`)
      after = cursor
      const { merchant, merchantAmount } = transaction
      console.log(
        `${to.padEnd(9)} ${merchantAmount.currency} ${merchantAmount.amount}  ${merchant.name}, ${merchant.city}`,
      )
    }
  } catch (error) {
    console.error('The connection ended:', (error as Error).message)
  }
  await pause(1000)
}
