// The requests of a producer of Kafka, each sent once. The producer of the client repeats batches by itself,
// in part under another producer id, and needs rights of brokers to begin a transaction.

import {
  addPartitionsToTxnV3,
  ConnectionPool,
  endTxnV3,
  findCoordinatorV4,
  initProducerIdV4,
  NumericMap,
  produceV9,
  type BaseOptions,
  type Broker,
  type MessageRecord,
} from '@platformatic/kafka'

/** Names one connection of the outlet in the partition: a later one has another. */
export interface Epoch {
  readonly producerId: bigint
  readonly producerEpoch: number
}

const forTransactions = 1
/** Acknowledged by all replicas in sync. */
const inSync = -1

/** Writes to partition 0 of a topic. */
export class KafkaProducer {
  readonly epoch: Epoch
  readonly #pool: ConnectionPool
  readonly #topic: string
  readonly #transactionalId: string
  readonly #leader: Broker
  readonly #coordinator: Broker
  readonly #timeout: number
  readonly #sequences = new NumericMap()

  private constructor(
    pool: ConnectionPool,
    [leader, coordinator]: readonly [Broker, Broker],
    names: { readonly topic: string; readonly transactionalId: string },
    timeout: number,
    epoch: Epoch,
  ) {
    this.#pool = pool
    this.#leader = leader
    this.#coordinator = coordinator
    this.#topic = names.topic
    this.#transactionalId = names.transactionalId
    this.#timeout = timeout
    this.epoch = epoch
  }

  /** Gets the next epoch of the transactional id. */
  static async open(
    { clientId, timeout = 0, ...options }: BaseOptions,
    leader: Broker,
    topic: string,
  ): Promise<KafkaProducer> {
    const pool = new ConnectionPool(clientId, options)
    const transactionalId = `${topic}.outlet`
    try {
      const any = await pool.get(leader)
      const found = await findCoordinatorV4.api.async(any, forTransactions, [transactionalId])
      const coordinator = found.coordinators[0]!
      const connection = await pool.get(coordinator)
      const epoch = await initProducerIdV4.api.async(connection, transactionalId, timeout, -1n, -1)
      return new KafkaProducer(pool, [leader, coordinator], { topic, transactionalId }, timeout, epoch)
    } catch (error) {
      await pool.close()
      throw error
    }
  }

  /**
   * Begins a transaction and aborts it, without an event: its marker follows in the partition soon. Rejects
   * when another producer has got an epoch since.
   */
  async writeMarker(): Promise<void> {
    const connection = await this.#pool.get(this.#coordinator)
    const { producerId, producerEpoch } = this.epoch
    const transactionalId = this.#transactionalId
    const topics = [{ name: this.#topic, partitions: [0] }]
    const added = { transactionalId, producerId, producerEpoch, topics, verifyOnly: false }
    await addPartitionsToTxnV3.api.async(connection, [added])
    await endTxnV3.api.async(connection, transactionalId, producerId, producerEpoch, false)
  }

  /** Appends a batch, as a whole or not at all. After an error, only the partition shows which. */
  async append(records: MessageRecord[]): Promise<void> {
    const partition = `${this.#topic}:0`
    const batch = { ...this.epoch, sequences: this.#sequences }
    const connection = await this.#pool.get(this.#leader)
    await produceV9.api.async(connection, inSync, this.#timeout, records, batch)
    const next = this.#sequences.getWithDefault(partition, 0) + records.length
    this.#sequences.set(partition, next % 2 ** 31)
  }

  close(): Promise<void> {
    return this.#pool.close()
  }
}
