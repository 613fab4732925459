// What happened in a run, as its clients saw it: kept in memory for the checks, and as JSON lines in a file.

import { createWriteStream, mkdirSync, type WriteStream } from 'node:fs'
import path from 'node:path'

/** One attempt of a client to have one key carried out. Times are milliseconds of one clock. */
export interface Request {
  readonly kind: 'submit' | 'refund' | 'cancel'
  readonly key: string
  readonly hub: number
  readonly sentAt: number
  readonly answeredAt: number
  /** UNAVAILABLE: the answer states that the outcome is not known. UNKNOWN: there is no such answer. */
  readonly result: 'ACKNOWLEDGED' | 'REFUSED' | 'UNAVAILABLE' | 'UNKNOWN'
  /** The code of a refusal or outage; the reason why there is no answer. */
  readonly code: string | null
  /** Of an acknowledgement: id of the payment or refund. */
  readonly id: string | null
}

/** What a key stands for. */
export interface Order {
  readonly kind: Request['kind']
  readonly key: string
  /** The payment of a refund or cancellation. */
  readonly payment?: string
  readonly amount?: string
  /** Codes with which a true hub may refuse it. */
  readonly refusals: readonly string[]
  /** The same key was used before with another input, which is the one that counts. */
  readonly isConflict?: boolean
}

/** An event at a subscriber. `position` is null when the event had no data. */
export interface Delivered {
  readonly subscriber: string
  readonly position: bigint | null
  readonly transaction: string | null
  readonly sequence: number | null
  readonly kind: string | null
}

export interface ReceivedWebhook {
  readonly id: string
  readonly isSigned: boolean
  readonly accepted: boolean
}

/** A span of time in which a part was made to fail. */
export interface Fault {
  readonly what: string
  readonly from: number
  to: number
  /** No answer can be expected of this hub, or of any when it is "all"; null: answers are expected. */
  readonly silent: number | 'all' | null
  /** Whether answers are expected of requests that were sent before it, as before an orderly end. */
  readonly isAnnounced?: boolean
  /** Service is measured from here: from the begin of a fault that lasts, else from its end. */
  readonly recoversFrom: 'begin' | 'end'
}

/** A span of time in which the process of the clients, proxies, and receivers itself stood still. */
export interface Stall {
  readonly from: number
  readonly to: number
}

/** An answer of `/readyz`. */
export interface Readiness {
  readonly hub: number
  readonly at: number
  /** Without `ownMs`. */
  readonly tookMs: number
  /** For how long the calling process stood still meanwhile. */
  readonly ownMs: number
  /** For how long the main thread of the hub ran meanwhile, and for how long it waited for a processor. */
  readonly hubRanMs: number
  readonly hubWaitedMs: number
  readonly status: number | null
}

/** The process of a hub that has been started. */
export interface HubProcess {
  readonly hub: number
  readonly pid: number
}

/** Answers of `/readyz` that took longer are in the file. */
const slowReadyMs = 250

export class History {
  readonly orders = new Map<string, Order>()
  readonly requests: Request[] = []
  readonly delivered: Delivered[] = []
  readonly webhooks: ReceivedWebhook[] = []
  readonly faults: Fault[] = []
  readonly readiness: Readiness[] = []
  readonly stalls: Stall[] = []
  /** Payments that a counterparty approved. */
  readonly approved = new Set<string>()
  readonly #file: WriteStream

  constructor(file: string) {
    mkdirSync(path.dirname(file), { recursive: true })
    this.#file = createWriteStream(file)
  }

  order(order: Order): void {
    this.orders.set(order.key, order)
    this.#write('order', order)
  }

  request(request: Request): void {
    this.requests.push(request)
    this.#write('request', request)
  }

  deliver(delivered: Delivered): void {
    this.delivered.push(delivered)
    this.#write('event', {
      ...delivered,
      position: delivered.position === null ? null : Number(delivered.position),
    })
  }

  webhook(webhook: ReceivedWebhook): void {
    this.webhooks.push(webhook)
    this.#write('webhook', webhook)
  }

  /** Begins a fault; its end is set by the returned function. */
  fault(fault: Pick<Fault, 'what' | 'silent'> & Partial<Fault>): () => void {
    const begun: Fault = { recoversFrom: 'end', from: performance.now(), to: Infinity, ...fault }
    this.faults.push(begun)
    this.#write('fault', { what: begun.what, at: begun.from })
    return () => {
      begun.to = performance.now()
      this.#write('fault ended', { what: begun.what, at: begun.to })
    }
  }

  ready(readiness: Readiness): void {
    this.readiness.push(readiness)
    if (readiness.tookMs > slowReadyMs) this.#write('slow readiness', readiness)
  }

  stall(stall: Stall): void {
    this.stalls.push(stall)
    this.#write('stall', stall)
  }

  close(): void {
    this.#file.end()
  }

  #write(type: string, line: object): void {
    this.#file.write(`${JSON.stringify({ type, ...line })}\n`)
  }
}
