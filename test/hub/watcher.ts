// Clients that pay, and clients that follow every event and resume after a break.

import { createClient } from 'graphql-ws'
import { expect } from 'vitest'
import WebSocket from 'ws'
import { HubClient } from './client.ts'

export const document = `subscription Follow($after: String) {
  transactionEvents(after: $after) { cursor to transaction { id merchant { name } } } }`

interface Page {
  readonly events: readonly { readonly cursor: string }[]
  readonly endCursor: string
  readonly hasMore: boolean
}

/** Reads the log with `key` after a cursor: every cursor, and the end cursor. */
export async function logAfter(
  url: string,
  key: string,
  after: string | null,
): Promise<{ cursors: string[]; end: string | null }> {
  const client = new HubClient(url, key)
  const cursors: string[] = []
  let end = after
  for (;;) {
    const { data } = await client.query(
      'query($after: String) { transactionLog(first: 1000, after: $after) { events { cursor } endCursor hasMore } }',
      { after: end },
    )
    const { events, endCursor, hasMore } = data.transactionLog as Page
    cursors.push(...events.map(({ cursor }) => cursor))
    end = endCursor
    if (!hasMore) return { cursors, end }
  }
}

let payments = 0

/** The demo wallet pays at a merchant of the demo acquirer. */
export async function pay(url: string, headers: Record<string, string> = {}): Promise<void> {
  const number = `live-${++payments}`
  const acquirer = new HubClient(url, 'demo-acquirer')
  const found = await acquirer.query(
    '{ merchants(where: { acquirers: ["acquirer-cn-01"] }, first: 1) { edges { node { id } } } }',
  )
  const code = await acquirer.ask('IssueCode', {
    input: {
      idempotencyKey: number,
      merchant: found.data.merchants.edges[0].node.id,
      kind: 'DYNAMIC',
      amount: { amount: '12.00', currency: 'CNY' },
    },
  })
  const { payload } = code.data.issueCode
  const input = { idempotencyKey: number, reference: number, payload, payerCurrency: 'SGD' }
  const { data } = await new HubClient(url, 'demo-wallet').ask('SubmitPayment', { input }, headers)
  expect(data.submitPayment.__typename).toBe('PaymentReceipt')
}

/** A client that keeps every cursor it receives, and resumes from the last one at the given hub. */
export class Watcher {
  readonly key: string
  readonly cursors: string[] = []
  #after: string | null
  #look = (): void => {}

  constructor(key: string, after: string | null) {
    this.key = key
    this.#after = after
  }

  /** Follows until the hub is gone or `leave` is called; resolves then. */
  async follow(url: string, leaving: AbortSignal): Promise<void> {
    const client = createClient({
      url: `${url.replace('http', 'ws')}/graphql`,
      webSocketImpl: WebSocket,
      connectionParams: { authorization: `Bearer ${this.key}` },
      retryAttempts: 0,
    })
    const events = client.iterate<{ transactionEvents: { cursor: string } }>({
      query: document,
      variables: { after: this.#after },
    })
    leaving.addEventListener('abort', () => void events.return?.())
    try {
      for await (const { data } of events) {
        this.#after = data!.transactionEvents.cursor
        this.cursors.push(this.#after)
        this.#look()
      }
    } catch (error) {
      // The hub was killed: the socket broke without a word.
      if ((error as { code?: number }).code !== 1006) throw error
    } finally {
      await client.dispose()
    }
  }

  has(count: number): Promise<void> {
    return new Promise((resolve) => {
      this.#look = () => this.cursors.length >= count && resolve()
      this.#look()
    })
  }
}
