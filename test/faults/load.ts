// The load: wallets that pay, refund, cancel, make mistakes, and repeat a key until it is answered.

import type { History, Order, Request } from './history.ts'
import { pause } from './processes.ts'
import type { Random } from './random.ts'

export interface LoadOptions {
  readonly history: History
  /** Endpoints by hub; a request goes to any. */
  readonly urls: readonly string[]
  /** Merchants by the connection of their acquirer. */
  readonly merchants: readonly string[]
  readonly random: Random
  /** Prefix of all keys of this run. */
  readonly name: string
}

export interface Load {
  /** Keys that have no answer yet. */
  readonly unanswered: number
  /** Stops new orders and waits for requests under way. */
  stop(): Promise<void>
  /** Repeats every key without an answer until it has one, for at most `withinMs` after the first tries. */
  settle(withinMs: number): Promise<void>
}

const wallets = 8
/** A client waits this long; an answer after six seconds is late already. */
const patienceMs = 15_000

const documents = {
  submit: `mutation($input: SubmitPaymentInput!) { result: submitPayment(input: $input) {
    __typename ... on PaymentReceipt { payment { id } } ... on Problem { code } } }`,
  refund: `mutation($input: RefundPaymentInput!) { result: refundPayment(input: $input) {
    __typename ... on RefundReceipt { refund { id } } ... on Problem { code } } }`,
  cancel: `mutation($input: CancelPaymentInput!) { result: cancelPayment(input: $input) {
    __typename ... on PaymentReceipt { payment { id } } ... on Problem { code } } }`,
} as const

/** An order and the input that carries it out. */
interface Planned {
  readonly order: Order
  readonly authorization: string
  readonly input: object
}

export function startLoad(options: LoadOptions): Load {
  const { history, urls, random } = options
  const open = new Map<string, Planned>()
  const isStopping = { now: false }

  const attempt = async (planned: Planned, hub: number): Promise<Request> => {
    const request = await send(planned, hub, urls[hub]!)
    history.request(request)
    if (request.result === 'ACKNOWLEDGED' || request.result === 'REFUSED') open.delete(planned.order.key)
    return request
  }
  const run = async (wallet: number): Promise<void> => {
    const own = random.fork(`wallet ${wallet}`)
    const plan = planner(options, wallet, own)
    while (!isStopping.now) {
      const planned = plan()
      history.order(planned.order)
      open.set(planned.order.key, planned)
      // A wallet repeats an unanswered key at once, up to twice, and otherwise when service is back.
      for (let n = 0; n < 3 && open.has(planned.order.key) && !isStopping.now; n++) {
        const request = await attempt(planned, own.between(0, urls.length - 1))
        plan.learn(request)
        if (request.result === 'UNAVAILABLE' || request.result === 'UNKNOWN')
          await pause(own.between(50, 400))
      }
      await pause(own.between(20, 250))
    }
  }
  const running = Array.from({ length: wallets }, (_, wallet) => run(wallet))
  return {
    get unanswered() {
      return open.size
    },
    async stop() {
      isStopping.now = true
      await Promise.all(running)
    },
    async settle(withinMs) {
      // After an hour thousands are open, and to try each of them once takes minutes.
      let endAt = Infinity
      for (let hub = 0; open.size > 0 && performance.now() < endAt; hub = (hub + 1) % urls.length) {
        for (const group of chunksOf([...open.values()], 20))
          await Promise.all(group.map((one) => attempt(one, hub)))
        endAt = Math.min(endAt, performance.now() + withinMs)
        if (open.size > 0) await pause(500)
      }
    },
  }
}

/** Decides the orders of one wallet, one after the other; `learn` receives what became of each. */
function planner({ name, merchants }: LoadOptions, wallet: number, random: Random) {
  const paid: string[] = []
  /** Payments at the acquirer that refunds. */
  const refundable: string[] = []
  let number = 0
  let last: Planned | null = null
  const merchantOf = new Map<string, string>()
  const submission = (
    key: string,
    amount: string,
    more: Partial<Order> & { readonly customer?: string } = {},
  ): Planned => {
    // A customer has a bounded number of payments in a day.
    const { customer = `${name} ${wallet} ${Math.ceil(number / 1_000)}`, ...expected } = more
    const merchant = random.pick(merchants)
    merchantOf.set(key, merchant)
    return {
      order: { kind: 'submit', key, amount, refusals: [], ...expected },
      authorization: 'Bearer demo-wallet',
      input: {
        idempotencyKey: more.isConflict ? key.replace(/ again$/, '') : key,
        reference: key,
        merchant,
        amount: { amount, currency: 'CNY' },
        customer,
      },
    }
  }
  const plan = (): Planned => {
    const key = `${name}-${wallet}-${++number}`
    const amount = `${random.between(1, 40)}.${String(random.between(0, 99)).padStart(2, '0')}`
    // The first orders of one wallet are those of a customer that reaches the limit of its day.
    if (wallet === 0 && number <= 9) {
      return submission(key, '30000.00', { customer: `${name} rich`, refusals: ['LIMIT_PER_DAY'] })
    }
    const chance = random.next()
    const target = paid.length > 0 ? random.pick(paid) : null
    const refunded = refundable.length > 0 ? random.pick(refundable) : null
    if (chance < 0.08 && refunded) {
      const input = { idempotencyKey: key, payment: refunded, amount: { amount: '0.50', currency: 'CNY' } }
      const refusals = ['NOT_REFUNDABLE', 'REFUND_TOO_LARGE']
      return {
        order: { kind: 'refund', key, payment: refunded, refusals },
        authorization: 'Bearer demo-acquirer',
        input,
      }
    }
    if (chance < 0.16 && target) {
      const input = { idempotencyKey: key, payment: target }
      return {
        order: { kind: 'cancel', key, payment: target, refusals: ['NOT_CANCELLABLE'] },
        authorization: 'Bearer demo-wallet',
        input,
      }
    }
    if (chance < 0.2) return submission(key, '9000000.00', { refusals: ['LIMIT_PER_PAYMENT'] })
    if (chance < 0.24 && last) {
      return submission(`${last.order.key} again`, '0.77', {
        isConflict: true,
        refusals: ['IDEMPOTENCY_CONFLICT'],
      })
    }
    return submission(key, amount)
  }
  const next = (): Planned => plan()
  next.learn = ({ result, id, key, kind }: Request): void => {
    if (kind !== 'submit' || result !== 'ACKNOWLEDGED' || key.endsWith(' again')) return
    paid.push(id!)
    if (merchantOf.get(key) === merchants[0]) refundable.push(id!)
    merchantOf.delete(key)
    for (const list of [paid, refundable]) if (list.length > 30) list.shift()
    last = { order: { kind, key, refusals: [] }, authorization: '', input: {} }
  }
  return next
}

async function send({ order, authorization, input }: Planned, hub: number, url: string): Promise<Request> {
  const sentAt = performance.now()
  const answered = (result: Request['result'], code: string | null, id: string | null = null): Request => {
    return { kind: order.kind, key: order.key, hub, sentAt, answeredAt: performance.now(), result, code, id }
  }
  try {
    const response = await fetch(`${url}/graphql`, {
      method: 'POST',
      headers: { authorization, 'content-type': 'application/json' },
      body: JSON.stringify({ query: documents[order.kind], variables: { input } }),
      signal: AbortSignal.timeout(patienceMs),
    })
    const { data, errors } = (await response.json()) as Answer
    const result = data?.result
    const id = result?.payment?.id ?? result?.refund?.id
    if (id !== undefined) return answered('ACKNOWLEDGED', null, id)
    const code = result?.code ?? errors?.[0]?.extensions?.code ?? `HTTP ${response.status}`
    if (code === 'UNAVAILABLE') return answered('UNAVAILABLE', code)
    return answered(result?.code === undefined ? 'UNKNOWN' : 'REFUSED', code)
  } catch (error) {
    const { cause, name } = error as Error & { cause?: { code?: string } }
    return answered('UNKNOWN', cause?.code ?? name)
  }
}

interface Answer {
  readonly data?: {
    readonly result?: {
      readonly payment?: { id: string }
      readonly refund?: { id: string }
      readonly code?: string
    } | null
  } | null
  readonly errors?: readonly { readonly extensions?: { readonly code?: string } }[]
}

const chunksOf = <Item>(items: readonly Item[], size: number): Item[][] =>
  Array.from({ length: Math.ceil(items.length / size) }, (_, n) => items.slice(n * size, (n + 1) * size))
