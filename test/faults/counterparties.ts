// The other side of the hub: an acquirer on a stream, an acquirer on a webhook, and a receiver of webhooks.

import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Webhook } from 'standardwebhooks'
import type { History } from './history.ts'
import { pause } from './processes.ts'
import type { Random } from './random.ts'
import { openSocket } from './socket.ts'

const requests = `subscription { authorizationRequests(kinds: [AUTHORIZE, INQUIRE, REVERSE, CANCEL]) {
  kind payment { id } } }`
const answer = `mutation($input: RespondAuthorizationInput!) {
  respondAuthorization(input: $input) { __typename } }`

type Decision = 'APPROVE' | 'DECLINE' | 'NEVER_SEEN' | 'ACKNOWLEDGE'

/** The memory of a counterparty that approves nine of ten: a repeated request gets the same answer. */
class Memory {
  readonly #history: History
  readonly #random: Random
  readonly #decided = new Map<string, Decision>()

  constructor(history: History, random: Random) {
    this.#history = history
    this.#random = random
  }

  decide(kind: string, payment: string): Decision {
    if (kind === 'REVERSE' || kind === 'CANCEL') return 'ACKNOWLEDGE'
    const known = this.#decided.get(payment)
    if (known) return known
    const decision = kind === 'INQUIRE' ? 'NEVER_SEEN' : this.#random.next() < 0.9 ? 'APPROVE' : 'DECLINE'
    this.#decided.set(payment, decision)
    if (decision === 'APPROVE') this.#history.approved.add(payment)
    return decision
  }
}

/** An acquirer that follows its requests by subscription, and connects again to any hub. */
export function startStreamCounterparty(
  history: History,
  urls: readonly string[],
  random: Random,
): { close(): void } {
  const memory = new Memory(history, random)
  const closing = new AbortController()
  const headers = { authorization: 'Bearer demo-acquirer', 'content-type': 'application/json' }
  const respond = async (url: string, kind: string, payment: string): Promise<void> => {
    const input = { payment, decision: memory.decide(kind, payment) }
    await fetch(`${url}/graphql`, {
      method: 'POST',
      headers,
      body: JSON.stringify({ query: answer, variables: { input } }),
      signal: AbortSignal.timeout(10_000),
    }).catch(() => {})
  }
  const follow = async (url: string): Promise<void> => {
    const client = openSocket(url, 'demo-acquirer')
    const leave = () => client.terminate()
    closing.signal.addEventListener('abort', leave)
    try {
      interface Result {
        readonly authorizationRequests: { readonly kind: string; readonly payment: { readonly id: string } }
      }
      for await (const { data } of client.iterate<Result>({ query: requests })) {
        if (!data) continue
        const { kind, payment } = data.authorizationRequests
        void respond(url, kind, payment.id)
      }
    } finally {
      closing.signal.removeEventListener('abort', leave)
      await client.dispose()
    }
  }
  const run = async (): Promise<void> => {
    while (!closing.signal.aborted) {
      await follow(random.pick(urls)).catch(() => {})
      await pause(random.between(50, 300))
    }
  }
  void run()
  return { close: () => closing.abort() }
}

export interface WebhookServer {
  readonly url: string
  close(): void
}

/** An acquirer that answers signed requests in the body; one of fifty gets no answer. */
export async function startWebhookCounterparty(history: History, random: Random): Promise<WebhookServer> {
  const memory = new Memory(history, random)
  return serve((body) => {
    const { type, data } = JSON.parse(body) as { type: string; data: { payment: { id: string } } }
    if (random.next() < 0.02) return 503
    const decision = memory.decide(type.replace('payment.', '').toUpperCase(), data.payment.id)
    return JSON.stringify({ decision })
  })
}

/** Seconds by which a message may be old or new: those of Standard Webhooks. */
const tolerance = 300

/** A receiver of events that checks signatures and their time, and refuses one of twenty at first. */
export async function startReceiver(
  history: History,
  random: Random,
  secret: () => string,
): Promise<WebhookServer> {
  return serve((body, headers) => {
    const id = headers['webhook-id']!
    const at = Number(headers['webhook-timestamp'])
    const signature = new Webhook(secret()).sign(id, new Date(at * 1_000), body)
    const isSigned = headers['webhook-signature']!.split(' ').includes(signature)
    // A hub whose clock is wrong is refused, and one whose clock is right sends it again.
    const isTimely = Math.abs(Date.now() / 1_000 - at) < tolerance
    const accepted = isSigned && isTimely && random.next() >= 0.05
    history.webhook({ id, isSigned, accepted })
    return accepted ? 204 : isTimely ? 500 : 401
  })
}

async function serve(
  respond: (body: string, headers: Record<string, string>) => number | string,
): Promise<WebhookServer> {
  const server = createServer((request, response) => {
    void (async () => {
      const body = (await request.toArray()).join('')
      const answered = respond(body, request.headers as Record<string, string>)
      if (typeof answered === 'number') response.writeHead(answered).end()
      else response.writeHead(200, { 'content-type': 'application/json' }).end(answered)
    })().catch(() => response.destroy())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    close() {
      server.close()
      server.closeAllConnections()
    },
  }
}
