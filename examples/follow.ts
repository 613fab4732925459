// Follows all payments of the demo acquirer, and resumes after the last event that it stored, however it ended:
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
  transactionEvents(after: $after) { cursor to transaction { merchant { name } wallet { name } } }
}`

for (;;) {
  try {
    for await (const { data, errors } of client.iterate({ query, variables: { after } })) {
      if (errors) throw new Error(errors[0]?.message)
      const { cursor, ...event } = data?.transactionEvents as { cursor: string }
      appendFileSync(file, `${JSON.stringify({ cursor, ...event })}\n`)
      after = cursor
      console.log(JSON.stringify(event))
    }
  } catch (error) {
    console.error('The connection ended:', (error as Error).message)
  }
  await pause(1000)
}
