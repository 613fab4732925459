// Bad requests at a fixed rate, from addresses of their own, and one caller that always sends:
// `node bench/walls/attack.ts URL PER_SECOND SECONDS` prints a line when it begins, and one with the answers
// by their status when it has ended.

import { connect } from 'node:net'
import { setPriority } from 'node:os'
import { setTimeout as pause } from 'node:timers/promises'
import { Pool } from 'undici'
import { queries } from '../engine/world.ts'
import { keys } from './keys.ts'

// Attackers have machines of their own: this one takes what the hub and its good caller leave.
setPriority(10)
const [url = '', perSecond = '1000', seconds = '10'] = process.argv.slice(2)
const { origin, hostname, port, pathname } = new URL(url)
const bad = new Pool(origin, { connections: 64, localAddress: '127.0.0.2' })
const greedy = new Pool(origin, { connections: 8, localAddress: '127.0.0.3' })
const answers: Record<string, number> = {}
const count = (what: string): void => void (answers[what] = (answers[what] ?? 0) + 1)

async function send(pool: Pool, name: string, key: string, query: string, variables = {}): Promise<void> {
  try {
    const { statusCode, body } = await pool.request({
      path: pathname,
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` },
      body: JSON.stringify({ query, variables }),
    })
    await body.dump()
    count(`${name}: ${statusCode}`)
  } catch {
    count(`${name}: closed`)
  }
}

/** A request that stops in its body. The server closes its connection in time. */
function halfSent(): void {
  const socket = connect({ host: hostname, port: Number(port), localAddress: '127.0.0.4' })
  socket.on('error', () => {})
  socket.once('close', () => count('half-sent: closed'))
  socket.write(
    `POST ${pathname} HTTP/1.1\r\nhost: ${hostname}\r\ncontent-type: application/json\r\ncontent-length: 900\r\n\r\n{`,
  )
}

const valid = queries[0].document
const [goodKey = '', badKey] = [keys[1], 'cg_guess']
const kinds: readonly ((n: number) => unknown)[] = [
  (n) => send(bad, 'bad key', `${badKey}${n}`, valid, { id: 'merchant-1' }),
  () => send(bad, 'too deep', goodKey, `${'{ merchant '.repeat(120)}${'}'.repeat(120)}`),
  (n) => send(bad, 'too large', goodKey, `{ ${`merchant${n} `.repeat(4_000)} }`),
  (n) =>
    send(
      bad,
      'unknown fields',
      goodKey,
      `{ ${Array.from({ length: 20 }, (_, i) => `f${n}x${i}`).join(' ')} }`,
    ),
  halfSent,
]

console.log('begun')
const startAt = performance.now()
const endAt = startAt + Number(seconds) * 1_000
const always = async (): Promise<void> => {
  while (performance.now() < endAt) {
    await send(greedy, 'at its limit', keys[2]!, valid, { id: 'merchant-2' })
    // A client that honours no Retry-After, some hundred times a second on each of its connections.
    await pause(5)
  }
}
const greedyCallers = Array.from({ length: 8 }, always)
let sent = 0
for (let now = startAt; now < endAt; now = performance.now()) {
  // All that are due: a timer fires at most once a millisecond, and late on a machine that is busy.
  for (const due = ((now - startAt) / 1_000) * Number(perSecond); sent < due; sent++)
    void kinds[sent % kinds.length]!(sent)
  await pause(1)
}
await Promise.all(greedyCallers)
console.log(JSON.stringify({ sent, answers }))
process.exit(0)
