// A server with the public API that answers from the data set, and can be slow or refuse. graphql-js
// validates the documents against the API schema. Tests of the real hub are in test/hub.

import { buildSchema, graphql } from 'graphql'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { json } from 'node:stream/consumers'
import { aDataset } from '../fixtures/a-dataset.ts'

export const apiSchema = buildSchema(
  readFileSync(new URL('../../schema/generated/api.graphql', import.meta.url), 'utf8'),
)

export interface QuoteInput {
  readonly merchant: string
  readonly amount: { readonly amount: string; readonly currency: string }
  readonly payerCurrency: string
  readonly entryMode: string
}
export interface SubmitInput {
  readonly idempotencyKey: string
  readonly quote: string
  readonly reference: string
}

export interface StandIn {
  readonly url: string
  readonly quotes: (QuoteInput & { readonly wallet: string })[]
  readonly submissions: (SubmitInput & { readonly wallet: string })[]
  /** Resolves when there are `count` submissions. */
  submitted(count: number): Promise<void>
  close(): Promise<void>
}

/** `quote` may delay a quote, or refuse it with a code. API keys are the ids of the wallets. */
export async function startStandIn(quote: () => Promise<string | null> = async () => null): Promise<StandIn> {
  const { participants, corridors, merchants } = aDataset(1, 0.003)
  const shops = [...merchants]
  const quotes: StandIn['quotes'] = []
  const submissions: StandIn['submissions'] = []
  const waiting: { readonly count: number; readonly done: () => void }[] = []
  const server = createServer((request, response) => {
    response.setHeader('content-type', 'application/graphql-response+json')
    void respond(request).then((body) => response.end(JSON.stringify(body)))
  })

  async function respond(request: IncomingMessage) {
    const { query, variables } = (await json(request)) as {
      query: string
      variables: Record<string, unknown>
    }
    const wallet = request.headers.authorization!.replace('Bearer ', '')
    return graphql({
      schema: apiSchema,
      source: query,
      variableValues: variables,
      rootValue: rootFor(wallet),
    })
  }

  const connection = (nodes: readonly unknown[]) => ({ edges: nodes.map((node) => ({ node })) })
  const rootFor = (wallet: string) => ({
    viewer: () => ({ participant: participants.find(({ id }) => id === wallet) }),
    corridors: ({ where }: { where: { walletCountries: string[] } }) =>
      connection(
        corridors
          .filter(({ walletCountry }) => where.walletCountries.includes(walletCountry))
          .map((corridor) => ({ ...corridor, merchantCountry: { code: corridor.merchantCountry } })),
      ),
    merchants: ({ where, first }: { where: { countries: string[]; mccs: string[] }; first: number }) =>
      connection(
        shops
          .filter(({ country, mcc }) => where.countries.includes(country) && where.mccs.includes(mcc))
          .slice(0, first),
      ),
    quotePayment: async ({ input }: { input: QuoteInput }) => {
      const code = await quote()
      if (code) return { __typename: 'Refused', code, message: 'not today', retryable: false, path: [] }
      quotes.push({ ...input, wallet })
      return { __typename: 'Quote', id: `quote-${quotes.length}` }
    },
    submitPayment: ({ input }: { input: SubmitInput }) => {
      submissions.push({ ...input, wallet })
      for (const { count, done } of waiting) if (submissions.length >= count) done()
      return { __typename: 'PaymentReceipt', payment: { id: `payment-${submissions.length}` } }
    },
  })

  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/graphql`,
    quotes,
    submissions,
    submitted: (count) => new Promise((done) => waiting.push({ count, done })),
    close: async () => {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}
