// A wallet that pays at a hub over HTTP: quotes for merchants first, then submissions for these.

import { bodies, post } from './http-client.ts'

export interface Payer {
  /** The hub's GraphQL endpoint. */
  readonly url: string
  readonly authorization: string
  /** What its customers are billed in. */
  readonly currency: string
  /** Ids of mainland merchants where it pays. */
  readonly merchants: readonly string[]
}

const quote = `mutation($input: QuotePaymentInput!) { quotePayment(input: $input) {
  ... on Quote { id } ... on Problem { code message } } }`
const submit = `mutation($input: SubmitPaymentInput!) { submitPayment(input: $input) {
  ... on PaymentReceipt { replayed payment { id status } } ... on Problem { code message } } }`

/** Quotes for payments: what a wallet has asked for before it pays. */
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
  const keep = (answer: string) => {
    const { data } = JSON.parse(answer) as { data: { quotePayment: { id?: string } } }
    if (!data.quotePayment.id) throw new Error(answer)
    ids.push(data.quotePayment.id)
  }
  await post({ url, headers: { authorization }, connections: inFlight, next, check: keep })
  return ids
}

/** The body that pays for a quote. */
export const submission = (quoted: string, idempotencyKey: string): string =>
  JSON.stringify({
    query: submit,
    variables: { input: { idempotencyKey, reference: idempotencyKey, quote: quoted } },
  })
