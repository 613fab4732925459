// A wallet that pays over HTTP: first it requests quotes, then it submits a payment for each.

import { bodies, post } from './http-client.ts'

export interface Payer {
  /** The hub's GraphQL endpoint. */
  readonly url: string
  readonly authorization: string
  /** The currency of its customers. */
  readonly currency: string
  /** Ids of the mainland merchants that it pays. */
  readonly merchants: readonly string[]
}

const quote = `mutation($input: QuotePaymentInput!) { quotePayment(input: $input) {
  ... on Quote { id } ... on Problem { code message } } }`
const submit = `mutation($input: SubmitPaymentInput!) { submitPayment(input: $input) {
  ... on PaymentReceipt { replayed payment { id status } } ... on Problem { code message } } }`

/** Requests quotes and returns their ids. */
export async function quotes(payer: Payer, count: number, inFlight: number): Promise<string[]> {
  const { url, authorization, currency, merchants } = payer
  const ids: string[] = []
  const next = bodies(count, (n) =>
    JSON.stringify({
      query: quote,
      variables: {
        input: {
          merchant: merchants[n % merchants.length],
          amount: { amount: '88.50', currency: 'CNY' },
          payerCurrency: currency,
        },
      },
    }),
  )
  const collect = (body: string) => {
    const { data } = JSON.parse(body) as { data: { quotePayment: { id?: string } } }
    if (!data.quotePayment.id) throw new Error(body)
    ids.push(data.quotePayment.id)
  }
  await post({ url, headers: { authorization }, connections: inFlight, next, check: collect })
  return ids
}

/** The body of the request that pays for a quote; with a `customer`, the limit of the day is kept. */
export const submission = (quoted: string, idempotencyKey: string, customer?: string): string =>
  JSON.stringify({
    query: submit,
    variables: { input: { idempotencyKey, reference: idempotencyKey, quote: quoted, customer } },
  })
