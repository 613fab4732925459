// One connection to a message broker, as NATS and Kafka implement it.

import type { OutletEvent } from './cloud-event.ts'

/** Where the log is published. */
export interface OutletOptions {
  /**
   * For instance "nats://user:password@nats-1:4222" and "tls://…", or "kafka://broker-1:9092" and
   * "kafkas://…". Several of one kind are separated by commas.
   */
  readonly url: string
  /** Of JetStream; of this outlet alone. */
  readonly stream: string
  /** The subject of JetStream, or the topic of Kafka, then of this outlet alone. */
  readonly subject: string
}

/** One connection to a message broker, as each kind implements it. Every error ends it. */
export interface BrokerConnection {
  /** The position of the latest event that the broker has; 0 when it has none. */
  readonly position: bigint
  /**
   * Appends the events, which are after all that it has; resolves once the broker has acknowledged all.
   * Rejects when another publisher has opened a connection since.
   */
  append(events: readonly OutletEvent[]): Promise<void>
  close(): Promise<void>
}
