import { describe, expect, test } from 'vitest'
import type { Batch } from '../../../gateway/live/batch.ts'
import type { Sharing } from '../../../gateway/live/group-key.ts'
import type { Subscriber } from '../../../gateway/live/subscriber.ts'
import { Subscription, type Topic } from '../../../gateway/live/subscription.ts'
import {
  stateAfter,
  subscriptionTransitions,
  type SubscriptionState,
  type SubscriptionTrigger,
} from '../../../gateway/live/subscription-state.ts'
import type { SubscriptionEvent } from '../../../gateway/supergraph/index.ts'
import { Semaphore } from '../../../subgraphs/platform/async/semaphore.ts'
import { anId } from '../../fixtures/an-id.ts'
import { Feed } from '../../fixtures/feed.ts'

const states = [
  'new',
  'grouped',
  'skipping',
  'queued',
  'opening',
  'separate',
  'held',
  'lagging',
  'closed',
] as const satisfies readonly SubscriptionState[]

const turn = () => new Promise<void>((resolve) => setImmediate(resolve))

/** Resolves when events on their way have been batched and delivered. */
const settled = async (): Promise<void> => {
  for (let n = 0; n < 8; n++) await turn()
}

/** A client that reads only while the test lets it. */
class Client implements Subscriber {
  isBehind = false
  readonly received: string[] = []
  ending: string | null = null
  #whenRead: (() => void)[] = []

  next({ events }: Batch): void {
    this.received.push(...events.map(({ value }) => value.toString()))
  }

  refuse(): void {
    this.ending = 'refused'
  }

  complete(): void {
    this.ending = 'complete'
  }

  close(): void {
    this.ending = 'disconnected'
  }

  flushed(): Promise<void> {
    return this.isBehind ? new Promise((resolve) => this.#whenRead.push(resolve)) : Promise.resolve()
  }

  read(): void {
    this.isBehind = false
    this.#whenRead.splice(0).forEach((resolve) => resolve())
  }
}

/** Subscriptions of one topic over a feed, with one permit and a clock that the test moves. */
class World {
  readonly feed = new Feed()
  readonly semaphore = new Semaphore(1)
  readonly client = new Client()
  now = 0
  /** The test lets upstreams open when this resolves. */
  gate: Promise<void> = Promise.resolve()
  readonly topic: Topic
  readonly subscription: Subscription

  constructor(sharing: Sharing = 'FROM_NOW') {
    this.topic = {
      sharing,
      canResume: sharing === 'FROM_NOW',
      open: async (_viewer, cursor) => {
        await this.gate
        return texts(this.feed.open('transactionEvents', cursor ?? undefined))
      },
      errorResponse: String,
      subscriptions: new Set(),
      renew: () => {},
      onEmpty: () => {},
      group: null,
      semaphore: this.semaphore,
      lagging: new Set(),
      clock: () => this.now,
    }
    this.subscription = this.another(this.client)
  }

  another(client: Client = new Client()): Subscription {
    return new Subscription(
      this.topic,
      { participant: anId('wallet-th-01'), scopes: new Set(), key: 'till' },
      client,
    )
  }

  /** Publishes events, and resolves when every stream has delivered them. */
  async publish(...names: string[]): Promise<void> {
    for (const name of names) this.feed.emit('transactionEvents', name)
    await settled()
  }

  /** Resolves when the subscription is in `state`. */
  async until(state: SubscriptionState): Promise<void> {
    while (this.subscription.state !== state) await turn()
  }
}

/** The events of a feed as the engine gives them. */
function texts(events: AsyncIterator<unknown>): AsyncIterator<SubscriptionEvent> {
  return {
    async next() {
      const { done, value } = await events.next()
      if (done) return { done, value }
      const { value: item, position } = value as SubscriptionEvent
      return { done: false, value: { value: item && JSON.stringify(item), position } }
    },
    return: async () => {
      await events.return?.()
      return { done: true, value: undefined }
    },
  }
}

async function inGroup(sharing: Sharing): Promise<World> {
  const world = new World(sharing)
  world.subscription.start(null)
  await settled()
  await world.publish('first')
  return world
}

/** Brings a fresh subscription into each state. */
const reach: Readonly<Record<SubscriptionState, () => Promise<World>>> = {
  new: async () => new World(),
  grouped: () => inGroup('FROM_NOW'),
  skipping: async () => {
    const world = await inGroup('LATEST')
    world.client.isBehind = true
    await world.publish('second')
    return world
  },
  queued: async () => {
    const world = new World()
    await world.semaphore.acquire()
    world.subscription.start('c0')
    return world
  },
  opening: async () => {
    const world = new World()
    world.gate = new Promise(() => {})
    world.subscription.start('c0')
    await world.until('opening')
    return world
  },
  separate: async () => {
    const world = new World('OWN')
    world.subscription.start(null)
    await settled()
    return world
  },
  held: async () => {
    const world = await reach.separate()
    world.client.isBehind = true
    await world.publish('second')
    return world
  },
  lagging: async () => {
    const world = await reach.grouped()
    world.another().start(null)
    world.client.isBehind = true
    await world.publish('second')
    return world
  },
  closed: async () => {
    const world = await reach.grouped()
    world.subscription.close()
    return world
  },
}

/**
 * A subscription that resumes from before the events that the group keeps, and whose client does not read.
 */
async function heldBesideGroup(): Promise<World> {
  const world = new World()
  await world.publish('one', 'two')
  world.another().start(null)
  await settled()
  world.client.isBehind = true
  world.subscription.start('c0')
  await world.until('held')
  return world
}

/**
 * Makes each transition happen to a subscription in its first state. Where that needs another beginning, it
 * makes its own.
 */
const acts: Readonly<Record<string, (world: World) => Promise<World | void>>> = {
  'new join': async ({ subscription }) => subscription.start(null),
  'new queue': async ({ semaphore, subscription }) => {
    await semaphore.acquire()
    subscription.start('c0')
  },
  'grouped skip': async () => {
    const world = await inGroup('LATEST')
    expect(world.subscription.state).toBe('grouped')
    world.client.isBehind = true
    await world.publish('second')
    return world
  },
  'grouped remove': async (world) => {
    world.another().start(null)
    world.client.isBehind = true
    await world.publish('second')
  },
  'skipping skip': (world) => world.publish('third'),
  'skipping resume': async ({ client }) => {
    client.read()
    await settled()
    expect(client.received.map((text) => (JSON.parse(text) as Event).transactionEvents.text)).toEqual([
      'first',
      'second',
    ])
  },
  'queued admit': async (world) => {
    world.gate = new Promise(() => {})
    world.semaphore.release()
    await settled()
  },
  'opening open': async () => {
    const world = new World('OWN')
    const opened = Promise.withResolvers<void>()
    world.gate = opened.promise
    world.subscription.start(null)
    expect(world.subscription.state).toBe('opening')
    opened.resolve()
    await settled()
    return world
  },
  'separate join': async () => {
    const world = await heldBesideGroup()
    world.client.read()
    await world.until('separate')
    await world.publish('three')
    return world
  },
  'separate found': async () => {
    const world = new World()
    await world.publish('one')
    world.subscription.start('c0')
    await world.until('separate')
    await settled()
    expect(world.feed.opened).toBe(1)
    return world
  },
  'separate queue': async () => {
    const world = new World()
    // Larger than one batch, so that the first batch ends before the events that the group keeps.
    await world.publish('x'.repeat(20_000), 'two')
    world.another().start(null)
    await settled()
    const opened = Promise.withResolvers<void>()
    world.gate = opened.promise
    world.subscription.start('c0')
    await world.until('opening')
    void world.semaphore.acquire()
    world.now = 5_000
    opened.resolve()
    await settled()
    expect(world.client.received).toHaveLength(1)
    return world
  },
  'separate hold': async (world) => {
    world.client.isBehind = true
    await world.publish('second')
  },
  'held resume': async ({ client }) => {
    client.read()
    await settled()
  },
  'held release': async () => {
    const world = await heldBesideGroup()
    await world.until('lagging')
    return world
  },
  'lagging join': async ({ client }) => {
    client.read()
    await settled()
  },
  'lagging queue': async (world) => {
    await world.publish(...Array.from({ length: 70 }, (_, n) => `missed ${n}`))
    await world.semaphore.acquire()
    world.client.read()
    await settled()
  },
}

interface Event {
  readonly transactionEvents: { readonly text: string }
}

/** Why a trigger cannot happen in a state. */
const impossible: Readonly<Record<SubscriptionState, Partial<Record<SubscriptionTrigger, string>>>> = {
  new: {
    found: 'it has no upstream',
    admit: 'it does not wait for a permit',
    open: 'it opens no upstream',
    hold: 'it has no upstream',
    release: 'it has no upstream',
    skip: 'it is in no group',
    remove: 'it is in no group',
    resume: 'it does not wait for its client',
  },
  grouped: {
    join: 'it is in the group already',
    found: 'its group exists',
    queue: 'the group has an upstream',
    admit: 'it does not wait for a permit',
    open: 'it opens no upstream',
    hold: 'the upstream of a group never waits',
    release: 'it has no upstream of its own',
    resume: 'it does not wait for its client',
  },
  skipping: {
    join: 'it is in the group already',
    found: 'its group exists',
    queue: 'the group has an upstream',
    admit: 'it does not wait for a permit',
    open: 'it opens no upstream',
    hold: 'the upstream of a group never waits',
    release: 'it has no upstream of its own',
    remove: 'where the latest event alone counts, the group keeps a slow member',
  },
  queued: {
    join: 'it first reads what it missed',
    found: 'it has no upstream',
    queue: 'it waits already',
    open: 'it has no permit yet',
    hold: 'it has no upstream',
    release: 'it has no upstream',
    skip: 'it is in no group',
    remove: 'it is in no group',
    resume: 'it does not wait for its client',
  },
  opening: {
    join: 'it first reads what it missed',
    found: 'it has no upstream yet',
    queue: 'it has its permit',
    admit: 'it has its permit',
    hold: 'it has no upstream yet',
    release: 'it has no upstream yet',
    skip: 'it is in no group',
    remove: 'it is in no group',
    resume: 'it does not wait for its client',
  },
  separate: {
    admit: 'it has its permit',
    open: 'its upstream is open',
    release: 'its client reads',
    skip: 'it is in no group',
    remove: 'it is in no group',
    resume: 'it does not wait for its client',
  },
  held: {
    join: 'its client has to read first',
    found: 'its client has to read first',
    queue: 'it passes its permit on only after a batch',
    admit: 'it has its permit',
    open: 'its upstream is open',
    hold: 'a held upstream delivers no batch',
    skip: 'it is in no group',
    remove: 'it is in no group',
  },
  lagging: {
    found: 'it has no upstream',
    admit: 'it does not wait for a permit',
    open: 'it opens no upstream',
    hold: 'it has no upstream',
    release: 'its upstream is closed',
    skip: 'it is in no group',
    remove: 'it is in no group',
    resume: 'it has nothing to resume: it joins the group or opens an upstream',
  },
  closed: {
    join: 'it has ended',
    found: 'it has ended',
    queue: 'it has ended',
    admit: 'a permit that arrives late is released',
    open: 'an upstream that opens late is closed',
    hold: 'it has ended',
    release: 'it has ended',
    skip: 'it has ended',
    remove: 'it has ended',
    resume: 'it has ended',
    close: 'it has ended',
  },
}

describe('the life of a subscription', () => {
  const triggers = [...new Set(subscriptionTransitions.map(({ on }) => on))]
  const pairs = states.flatMap((from) => triggers.map((on) => ({ from, on })))

  test.each(pairs)('$from, $on: leads to one state, or is impossible for a reason', ({ from, on }) => {
    const rows = subscriptionTransitions.filter((row) => row.from === from && row.on === on)
    const reason = impossible[from][on]
    expect(rows).toHaveLength(reason === undefined ? 1 : 0)
    expect(stateAfter(from, on)).toBe(rows[0]?.to ?? null)
  })

  test.each(states)('%s can be reached', async (state) => {
    const { subscription } = await reach[state]()
    expect(subscription.state).toBe(state)
  })

  test.each(subscriptionTransitions.filter(({ on }) => on !== 'close'))(
    '$from, $on, $to: $means',
    async ({ from, on, to }) => {
      const world = await reach[from]()
      const { subscription } = (await acts[`${from} ${on}`]!(world)) ?? world
      expect(subscription.state).toBe(to)
    },
  )

  test.each(subscriptionTransitions.filter(({ on }) => on === 'close'))(
    '$from, close: leaves no upstream, no permit and no lag behind',
    async ({ from }) => {
      const world = await reach[from]()
      const others = world.topic.subscriptions.size - 1
      world.subscription.close()
      expect(world.subscription.state).toBe('closed')
      expect(world.topic.subscriptions.size).toBe(others)
      expect(world.topic.lagging.size).toBe(0)
      await settled()
      expect(world.feed.count('transactionEvents')).toBe(others)
      if (from === 'queued') world.semaphore.release()
      await settled()
      // The one permit is free again.
      await world.semaphore.acquire()
      expect(world.client.ending).toBeNull()
      world.subscription.close()
      expect(world.topic.subscriptions.size).toBe(others)
    },
  )

  test('what arrives after the end is given back', async () => {
    const world = new World()
    const opened = Promise.withResolvers<void>()
    world.gate = opened.promise
    world.subscription.start('c0')
    await world.until('opening')
    world.subscription.close()
    opened.resolve()
    await settled()
    expect(world.feed.count('transactionEvents')).toBe(0)
    expect(world.subscription.state).toBe('closed')
  })

  test('a client that does not read is disconnected once, at the last position that it received', async () => {
    const world = await reach.lagging()
    expect(world.subscription.laggingSinceMs).toBe(0)
    world.subscription.disconnect()
    expect(world.client.ending).toBe('disconnected')
    world.client.read()
    await settled()
    expect(world.subscription.state).toBe('closed')
  })
})
