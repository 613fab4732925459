// The state of the sandbox: a till and a phone, each with its own key, and what they have sent.

import { ApiError, request } from '../../api/client.ts'
import { textOf, type Document, type ResultOf } from '../../api/graphql.ts'
import { Stream } from '../../api/live.svelte.ts'
import type { Money } from '../../app/format.ts'
import {
  cancelPayment,
  chargePresentedCode,
  decodeQr,
  followPayment,
  issueCode,
  merchantsQuery,
  paymentNow,
  presentCode,
  profileQuery,
  quotePayment,
  refundPayment,
  submitPayment,
  type IssuedCode,
  type PaymentUpdate,
  type PresentedCode,
  type Quote,
  type ReadCode,
  type ShopMerchant,
} from './documents.ts'

export type Side = 'till' | 'phone'
/** Which side shows the code. */
export type Presenter = 'merchant' | 'customer'

export interface SentOperation {
  readonly id: number
  readonly side: Side
  readonly name: string
  readonly text: string
  readonly variables: Record<string, unknown>
}

export interface Fault {
  readonly side: Side
  readonly code: string
  readonly message: string
}

const sentMax = 40

/** What the simulated counterparty does by the label at the beginning of a reference. */
export const behaviours = [
  '',
  'SIM-AM04',
  'SIM-AB05',
  'SIM-NOAS',
  'SIM-LATE',
  'SIM-DUP',
  'SIM-SLOW-3000',
] as const
export type Behaviour = (typeof behaviours)[number]

export class Sandbox {
  readonly keys: Readonly<Record<Side, string | null>>
  presenter = $state<Presenter>('merchant')
  merchants = $state.raw<readonly ShopMerchant[]>([])
  merchant = $state.raw<ShopMerchant | null>(null)
  currency = $state('')
  acquirer = $state('')
  behaviour = $state<Behaviour>('')

  code = $state.raw<IssuedCode | null>(null)
  payload = $state('')
  read = $state.raw<ReadCode | null>(null)
  quote = $state.raw<Quote | null>(null)
  presented = $state.raw<PresentedCode | null>(null)

  paymentId = $state<string | null>(null)
  updates = $state.raw<readonly PaymentUpdate[]>([])
  refunds = $state.raw<readonly { id: string; amount: Money }[]>([])
  refundable = $state.raw<Money | null>(null)

  busy = $state<Side | null>(null)
  fault = $state.raw<Fault | null>(null)
  sent = $state.raw<readonly SentOperation[]>([])
  #stream: Stream<unknown, unknown> | null = null
  #number = 0

  constructor(keys: Readonly<Record<Side, string | null>>) {
    this.keys = keys
  }

  get latest(): PaymentUpdate | null {
    return this.updates.at(-1) ?? null
  }

  async start(): Promise<void> {
    if (this.keys.phone) {
      const { viewer } = await request(this.keys.phone, profileQuery, {})
      this.currency = viewer.participant.profile.settlementCurrency
    }
    if (this.keys.till) {
      const { viewer } = await request(this.keys.till, profileQuery, {})
      this.acquirer = viewer.participant.id
    }
    await this.findMerchants('')
  }

  /** Merchants of the acquirer at which the chosen kind of code is accepted. */
  async findMerchants(search: string): Promise<void> {
    const key = this.keys.till
    if (!key) return
    const where = {
      acquirers: [this.acquirer],
      entryModes: [this.presenter === 'customer' ? ('CPM' as const) : ('MPM_DYNAMIC' as const)],
      ...(search && { search }),
    }
    const { merchants } = await request(key, merchantsQuery, { where })
    this.merchants = merchants.edges.map(({ node }) => node)
    if (!this.merchants.some(({ id }) => id === this.merchant?.id)) this.merchant = this.merchants[0] ?? null
  }

  async show(presenter: Presenter): Promise<void> {
    this.presenter = presenter
    this.reset()
    await this.findMerchants('')
  }

  /** Ends the sale on both sides. */
  reset(): void {
    this.#stream?.close()
    Object.assign(this, {
      code: null,
      payload: '',
      read: null,
      quote: null,
      presented: null,
      paymentId: null,
      updates: [],
      refunds: [],
      refundable: null,
      fault: null,
    })
  }

  close(): void {
    this.#stream?.close()
  }

  async issue(kind: 'STATIC' | 'DYNAMIC', amount: string): Promise<void> {
    const merchant = this.merchant
    if (!merchant) return
    this.reset()
    const input = {
      idempotencyKey: newKey(),
      merchant: merchant.id,
      kind,
      ...(kind === 'DYNAMIC' && { amount: { amount, currency: merchant.currency } }),
    }
    const result = await this.#send('till', 'IssueCode', issueCode, { input })
    if (result && this.#accepted('till', result.issueCode, 'MerchantCode'))
      this.code = result.issueCode as IssuedCode
  }

  async scan(payload: string): Promise<void> {
    this.payload = payload
    Object.assign(this, { read: null, quote: null, paymentId: null, updates: [] })
    const result = await this.#send('phone', 'DecodeQr', decodeQr, { payload })
    if (result && this.#accepted('phone', result.decodeQr, 'QrCode')) this.read = result.decodeQr as ReadCode
  }

  /** `amount` is what the customer types when the code has none. */
  async getQuote(amount: Money | null): Promise<void> {
    this.quote = null
    const input = { payload: this.payload, payerCurrency: this.currency, ...(amount && { amount }) }
    const result = await this.#send('phone', 'QuotePayment', quotePayment, { input })
    if (result && this.#accepted('phone', result.quotePayment, 'Quote'))
      this.quote = result.quotePayment as Quote
  }

  async pay(): Promise<void> {
    if (!this.quote) return
    const input = { idempotencyKey: newKey(), reference: this.#reference(), quote: this.quote.id }
    const result = await this.#send('phone', 'SubmitPayment', submitPayment, { input })
    const receipt = result?.submitPayment
    if (receipt && this.#accepted('phone', receipt, 'PaymentReceipt')) this.#follow(receipt, 'phone')
  }

  async present(): Promise<void> {
    this.reset()
    const input = { idempotencyKey: newKey(), token: { reference: this.#reference(), lastFour: '4242' } }
    const result = await this.#send('phone', 'PresentCode', presentCode, { input })
    if (result && this.#accepted('phone', result.presentCode, 'PresentedCode')) {
      this.presented = result.presentCode as PresentedCode
    }
  }

  async charge(amount: string): Promise<void> {
    const { merchant, presented } = this
    if (!merchant || !presented) return
    const input = {
      idempotencyKey: newKey(),
      payload: presented.payload,
      merchant: merchant.id,
      amount: { amount, currency: merchant.currency },
      terminal: 'TILL0001',
    }
    const result = await this.#send('till', 'ChargePresentedCode', chargePresentedCode, { input })
    const receipt = result?.chargePresentedCode
    if (receipt && this.#accepted('till', receipt, 'PaymentReceipt')) this.#follow(receipt, 'till')
  }

  async cancel(): Promise<void> {
    if (!this.paymentId) return
    const input = { idempotencyKey: newKey(), payment: this.paymentId }
    const result = await this.#send('phone', 'CancelPayment', cancelPayment, { input })
    const receipt = result?.cancelPayment
    if (receipt && this.#accepted('phone', receipt, 'PaymentReceipt')) this.#follow(receipt, 'phone')
  }

  /** Refunds a part, or the rest for null. Either side may. */
  async refund(amount: Money | null): Promise<void> {
    if (!this.paymentId) return
    const input = { idempotencyKey: newKey(), payment: this.paymentId, ...(amount && { amount }) }
    const side: Side = this.keys.till ? 'till' : 'phone'
    const result = await this.#send(side, 'RefundPayment', refundPayment, { input })
    if (!result || !this.#accepted(side, result.refundPayment, 'RefundReceipt')) return
    if (result.refundPayment.__typename === 'RefundReceipt') {
      const { id, amount: refunded } = result.refundPayment.refund
      this.refunds = [...this.refunds, { id, amount: refunded }]
    }
    await this.#readAmounts()
  }

  #reference(): string {
    const number = Date.now().toString(36)
    return this.behaviour ? `${this.behaviour}.${number}` : `sandbox.${number}`
  }

  /** Sends an operation and lists it; null when it failed, with the fault. */
  async #send<Data, Variables>(
    side: Side,
    name: string,
    document: Document<Data, Variables>,
    variables: Variables,
  ): Promise<Data | null> {
    const key = this.keys[side]
    if (!key) return null
    this.#list(side, name, document, variables as Record<string, unknown>)
    this.busy = side
    this.fault = null
    try {
      return await request(key, document, variables)
    } catch (cause) {
      if (!(cause instanceof ApiError)) throw cause
      this.fault = { side, code: cause.code, message: cause.message }
      return null
    } finally {
      this.busy = null
    }
  }

  #list(side: Side, name: string, document: object, variables: Record<string, unknown>): void {
    const entry = { id: ++this.#number, side, name, text: textOf(document), variables }
    this.sent = [entry, ...this.sent].slice(0, sentMax)
  }

  /** Whether the result is what was wanted; otherwise it is shown as a fault. */
  #accepted(
    side: Side,
    result: { __typename: string; code?: string; message?: string },
    wanted: string,
  ): boolean {
    if (result.__typename === wanted) return true
    this.fault = { side, code: result.code ?? result.__typename, message: result.message ?? '' }
    return false
  }

  /** Follows the payment of a receipt until its end. */
  #follow(receipt: object, side: Side): void {
    const { id } = (receipt as { payment: { id: string } }).payment
    const key = this.keys[side]
    if (!key) return
    this.#stream?.close()
    if (this.paymentId !== id) this.updates = []
    this.paymentId = id
    this.#list(side, 'FollowPayment', followPayment, { id, afterSequence: 0 })
    this.#stream = new Stream({
      key,
      document: followPayment,
      variables: () => ({ id, afterSequence: this.latest?.sequence ?? 0 }),
      ends: true,
      event: ({ transactionUpdated }) => this.#received(transactionUpdated),
    }) as Stream<unknown, unknown>
  }

  #received(update: PaymentUpdate): void {
    // A subscription that starts again repeats where the payment is.
    if (update.sequence <= (this.latest?.sequence ?? -1)) return
    this.updates = [...this.updates, update]
    this.refundable = refundableOf(update.transaction)
  }

  async #readAmounts(): Promise<void> {
    const key = this.keys.phone ?? this.keys.till
    if (!key || !this.paymentId) return
    const { transaction } = await request(key, paymentNow, { id: this.paymentId })
    this.refundable = transaction && refundableOf(transaction)
  }
}

const newKey = (): string => crypto.randomUUID()

/** What is left to refund; null for a payment that is not completed. */
const refundableOf = (transaction: NonNullable<ResultOf<typeof paymentNow>['transaction']>): Money | null =>
  transaction.status === 'COMPLETED' && 'refundable' in transaction ? transaction.refundable : null
