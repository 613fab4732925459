// Subscribers over both transports: each one connects again, to any hub, and resumes after its last event.

import { createDecipheriv, createHash } from 'node:crypto'
import { once } from 'node:events'
import { request as httpRequest, type IncomingMessage } from 'node:http'
import { cursorSecret } from './hub.ts'
import type { History } from './history.ts'
import { pause } from './processes.ts'
import type { Random } from './random.ts'
import { openSocket } from './socket.ts'

export interface Subscriber {
  readonly name: string
  /** The key that it subscribes with. */
  readonly key: string
  /** Position of its last event; null before the first. */
  position: bigint | null
  close(): void
}

const query = `subscription($after: String) {
  transactionEvents(after: $after) { cursor sequence kind transaction { id kind } }
}`

interface Event {
  readonly cursor: string
  readonly sequence: number
  readonly kind: string
  readonly transaction: { readonly id: string }
}

/** A result of the stream, and its cursor where the transport gives one beside the data. */
type OnResult = (event: Event | null, cursor: string | null) => void

type Follow = (
  url: string,
  key: string,
  after: string | null,
  onResult: OnResult,
  signal: AbortSignal,
) => Promise<void>

export function startSubscriber(
  history: History,
  urls: readonly string[],
  { name, key, transport }: { readonly name: string; readonly key: string; readonly transport: 'WS' | 'SSE' },
  random: Random,
): Subscriber {
  const closing = new AbortController()
  let cursor: string | null = null
  const subscriber: Subscriber = { name, key, position: null, close: () => closing.abort() }
  const onResult: OnResult = (event, beside) => {
    const position = event ? positionOf(event.cursor) : null
    history.deliver({
      subscriber: name,
      position,
      transaction: event?.transaction.id ?? null,
      sequence: event?.sequence ?? null,
      kind: event?.kind ?? null,
    })
    cursor = event?.cursor ?? beside ?? cursor
    subscriber.position = cursor === null ? null : positionOf(cursor)
  }
  const follow = transport === 'WS' ? followBySocket : followByEvents
  const run = async (): Promise<void> => {
    while (!closing.signal.aborted) {
      await follow(random.pick(urls), key, cursor, onResult, closing.signal).catch(() => {})
      await pause(random.between(50, 500))
    }
  }
  void run()
  return subscriber
}

/** A cursor is one AES block: the version in 8 bytes, then the position in 8. */
function positionOf(cursor: string): bigint {
  const block = createDecipheriv('aes-256-ecb', cursorKey, null).setAutoPadding(false)
  return block.update(Buffer.from(cursor, 'base64url')).readBigUInt64BE(8)
}

const cursorKey = createHash('sha256').update(`log cursor ${cursorSecret}`).digest()

const followBySocket: Follow = async (url, key, after, onResult, signal) => {
  const client = openSocket(url, key)
  const leave = () => client.terminate()
  signal.addEventListener('abort', leave)
  try {
    const results = client.iterate<{ transactionEvents: Event }>({ query, variables: { after } })
    for await (const { data } of results) onResult(data?.transactionEvents ?? null, null)
  } finally {
    signal.removeEventListener('abort', leave)
    await client.dispose()
  }
}

const followByEvents: Follow = async (url, key, after, onResult, signal) => {
  const request = httpRequest(`${url}/graphql`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${key}`,
      accept: 'text/event-stream',
      'content-type': 'application/json',
      ...(after !== null && { 'last-event-id': after }),
    },
    signal,
  })
  request.on('error', () => {})
  request.end(JSON.stringify({ query, variables: {} }))
  const [response] = (await once(request, 'response')) as [IncomingMessage]
  response.setEncoding('utf8')
  let rest = ''
  for await (const chunk of response) {
    const blocks = (rest + (chunk as string)).split('\n\n')
    rest = blocks.pop()!
    for (const block of blocks) {
      const field = (name: string) => new RegExp(`^${name}: ?(.*)$`, 'm').exec(block)?.[1] ?? null
      if (field('event') !== 'next') continue
      const { data } = JSON.parse(field('data')!) as { data?: { transactionEvents: Event } | null }
      onResult(data?.transactionEvents ?? null, field('id'))
    }
  }
}
