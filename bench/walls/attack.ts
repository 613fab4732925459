// Bad requests at a fixed rate, from an address of their own, and one caller that always sends:
// `node bench/walls/attack.ts URL PER_SECOND SECONDS` prints the answers by their status.

import { connect } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { Pool } from 'undici'
import { queries } from '../engine/world.ts'
import { keys } from './keys.ts'

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

const startAt = performance.now()
const endAt = startAt + Number(seconds) * 1_000
const always = async (): Promise<void> => {
  while (performance.now() < endAt) {
    await send(greedy, 'at its limit', keys[2]!, valid, { id: 'merchant-2' })
    // A client that honours nothing, but does not spin faster than its own event loop.
    await pause(1)
  }
}
const greedyCallers = Array.from({ length: 8 }, always)
for (let n = 0; performance.now() < endAt; n++) {
  void kinds[n % kinds.length]!(n)
  await pause(Math.max(0, startAt + ((n + 1) * 1_000) / Number(perSecond) - performance.now()))
}
await Promise.all(greedyCallers)
console.log(JSON.stringify(answers))
process.exit(0)
