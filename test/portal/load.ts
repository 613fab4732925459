// Payments at a steady rate, ten in a request, as a client of the public API sends them.

interface Load {
  /** Payments that the hub has taken so far. */
  readonly taken: () => number
  /** Sends no more, and waits for the requests under way. */
  close(): Promise<void>
}

const batch = 10
const flightsMax = 24
const tickMs = 20

/** One document for every request, so that the hub plans it once. */
const document = `mutation (${inputs((n) => `$p${n}: SubmitPaymentInput!`)}) { ${inputs(
  (n) =>
    `p${n}: submitPayment(input: $p${n}) { ... on PaymentReceipt { payment { id } } ... on Problem { code } }`,
)} }`

function inputs(text: (n: number) => string): string {
  return Array.from({ length: batch }, (_, n) => text(n)).join(' ')
}

/** Pays `perSecond` times a second as the wallet of `key`. */
export function startLoad(url: string, key: string, perSecond: number): Load {
  let taken = 0
  let owed = 0
  let last = performance.now()
  const flights = new Set<Promise<void>>()
  const timer = setInterval(() => {
    const now = performance.now()
    // What a slow hub does not take is not sent later: the rate is that which the hub reaches.
    owed = Math.min(owed + ((now - last) / 1000) * perSecond, flightsMax * batch)
    last = now
    for (; owed >= batch && flights.size < flightsMax; owed -= batch) {
      const flight = payBatch(url, key)
        .then(() => void (taken += batch))
        .finally(() => flights.delete(flight))
      flights.add(flight)
    }
  }, tickMs)
  return {
    taken: () => taken,
    async close() {
      clearInterval(timer)
      await Promise.all(flights)
    },
  }
}

let numbers = 0

/** Pays ten times in one request. */
export async function payBatch(url: string, key: string): Promise<void> {
  const variables = Object.fromEntries(
    Array.from({ length: batch }, (_, n) => {
      const name = `load-${process.pid}-${++numbers}`
      const amount = { amount: `${1 + (numbers % 90)}.00`, currency: 'CNY' }
      const merchant = 'acquirer-cn-01.W000001'
      return [`p${n}`, { idempotencyKey: name, reference: name, merchant, amount }]
    }),
  )
  const response = await fetch(`${url}/graphql`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: JSON.stringify({ query: document, variables }),
  })
  const { data, errors } = (await response.json()) as {
    data?: Record<string, { payment?: object; code?: string }> | null
    errors?: readonly { message: string }[]
  }
  const refused = Object.values(data ?? {}).find((result) => !result.payment)
  if (errors || refused)
    throw new Error(`a payment of the load failed: ${errors?.[0]?.message ?? refused?.code}`)
}
