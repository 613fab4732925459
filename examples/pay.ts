// A till issues a code for CNY 260; a wallet gets a quote for it and pays:
//   npx node examples/pay.ts [HUB]

const hub = process.argv[2] ?? 'http://127.0.0.1:4000'

/** Sends one mutation, and returns its result. A problem is thrown as an error. */
async function send<Result>(key: string, query: string, input: object): Promise<Result> {
  const response = await fetch(`${hub}/graphql`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: JSON.stringify({ query, variables: { input } }),
  })
  const { data, errors } = (await response.json()) as { data: object; errors?: { message: string }[] }
  const [result] = errors ?? (Object.values(data) as { message?: string }[])
  if (result?.message) throw new Error(result.message)
  return result as Result
}

const name = `sale-${Date.now()}`
const amount = { amount: '260.00', currency: 'CNY' }

const code = await send<{ payload: string }>(
  'demo-acquirer',
  `mutation($input: IssueCodeInput!) {
    issueCode(input: $input) { ... on MerchantCode { payload } ... on Problem { message } }
  }`,
  { idempotencyKey: name, merchant: 'acquirer-cn-01.M000001', kind: 'DYNAMIC', amount },
)
console.log('The till shows a code for CNY 260.00')

const quote = await send<{ id: string; payerAmount: { amount: string } }>(
  'demo-wallet',
  `mutation($input: QuotePaymentInput!) {
    quotePayment(input: $input) { ... on Quote { id payerAmount { amount } } ... on Problem { message } }
  }`,
  { payload: code.payload, payerCurrency: 'SGD' },
)
console.log(`The wallet is quoted SGD ${quote.payerAmount.amount}`)

// The same idempotency key gives the same payment, so a wallet can send this again when the answer is lost.
const { payment } = await send<{ payment: { id: string; status: string } }>(
  'demo-wallet',
  `mutation($input: SubmitPaymentInput!) {
    submitPayment(input: $input) { ... on PaymentReceipt { payment { id status } } ... on Problem { message } }
  }`,
  { idempotencyKey: name, reference: name, quote: quote.id },
)
console.log(`Payment ${payment.id} is ${payment.status}`)
