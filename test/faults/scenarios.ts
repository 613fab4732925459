// The scenarios: what is made to fail, for how long, and what can be expected meanwhile. All lengths follow
// from the seed.

import { execFileSync } from 'node:child_process'
import { mkdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { runsDir } from '../harness/places.ts'
import { hasFakeTime } from './hub.ts'
import { hasNetworks } from './network.ts'
import { pause, start } from './processes.ts'
import type { ProxyMode } from './proxy.ts'
import type { Random } from './random.ts'
import type { World } from './world.ts'

export interface Scenario {
  readonly name: string
  /** Members of the replica set. */
  readonly members: 1 | 3
  readonly run: (world: World, random: Random) => Promise<void>
  /** Why this machine cannot run it; null when it can. */
  readonly skipped?: () => string | null
  /** Needs a disk of its own for the data. */
  readonly disk?: boolean
  /** Needs a network for the members. */
  readonly network?: boolean
  /** Part of the short form. */
  readonly isShort?: boolean
}

/** One fault of `forMs`: `begin`, wait, `end`. */
async function fault(
  world: World,
  what: string,
  forMs: number,
  {
    silent = null,
    isAnnounced = false,
    recoversFrom = 'end' as const,
    begin,
    end: finish,
  }: {
    readonly silent?: number | 'all' | null
    readonly isAnnounced?: boolean
    readonly recoversFrom?: 'begin' | 'end'
    readonly begin: () => unknown
    readonly end: () => unknown
  },
): Promise<void> {
  const ended = world.history.fault({ what, silent, isAnnounced, recoversFrom })
  await begin()
  await pause(forMs)
  await finish()
  ended()
}

/** Repeats a fault with pauses, and other lengths each time. */
async function repeat(times: number, random: Random, run: () => Promise<void>): Promise<void> {
  for (let n = 0; n < times; n++) {
    await run()
    await pause(random.between(1_500, 3_000))
  }
}

/** A fault of each hub in turn: one of them writes the log. */
async function ofEachHub(random: Random, run: (hub: number) => Promise<void>): Promise<void> {
  let hub = random.between(0, 1)
  await repeat(2, random, async () => {
    await run(hub)
    hub = 1 - hub
  })
}

async function hubKilled(
  world: World,
  random: Random,
  signal: NodeJS.Signals,
  hub = random.between(0, 1),
): Promise<void> {
  const process = world.hubs[hub]!
  await fault(world, `hub ${hub} gets ${signal}`, random.between(300, 1_500), {
    silent: hub,
    isAnnounced: signal === 'SIGTERM',
    begin: () => process.end(signal),
    end: async () => {
      process.start()
      // A hub that is not ready by then is reported after the faults.
      await process.ready().catch(() => {})
    },
  })
}

async function hubStopped(world: World, random: Random, hub = random.between(0, 1)): Promise<void> {
  const process = world.hubs[hub]!
  await fault(world, `hub ${hub} stands still`, random.between(4_000, 9_000), {
    silent: hub,
    begin: () => process.signal('SIGSTOP'),
    end: () => process.signal('SIGCONT'),
  })
}

const mongodKilled = (world: World, random: Random): Promise<void> =>
  fault(world, 'mongod is killed', random.between(2_000, 5_000), {
    begin: () => world.set.members[0]!.kill(),
    end: async () => {
      world.set.members[0]!.start()
      await world.primary()
    },
  })

const mongodStopped = (world: World, random: Random): Promise<void> =>
  fault(world, 'mongod stands still', random.between(4_000, 12_000), {
    begin: () => world.set.members[0]!.stop(),
    end: () => world.set.members[0]!.resume(),
  })

const cable =
  (mode: ProxyMode) =>
  (world: World, random: Random): Promise<void> =>
    fault(world, `the way to MongoDB: ${mode}`, random.between(2_000, 7_000), {
      begin: () => (world.cable!.mode = mode),
      end: () => (world.cable!.mode = 'PASS'),
    })

async function door(world: World, random: Random, mode: ProxyMode): Promise<void> {
  const hub = random.between(0, 1)
  await fault(world, `the way to hub ${hub}: ${mode}`, random.between(1_500, 4_000), {
    silent: mode === 'DELAY' ? null : hub,
    begin: () => (world.doors[hub]!.mode = mode),
    end: () => (world.doors[hub]!.mode = 'PASS'),
  })
}

async function primaryKilled(world: World, random: Random): Promise<void> {
  const primary = await world.primary()
  await fault(world, 'the primary is killed', random.between(5_000, 8_000), {
    recoversFrom: 'begin',
    begin: () => primary.kill(),
    end: () => primary.start(),
  })
}

async function primaryStopped(world: World, random: Random): Promise<void> {
  const primary = await world.primary()
  await fault(world, 'the primary stands still', random.between(9_000, 14_000), {
    recoversFrom: 'begin',
    begin: () => primary.stop(),
    end: () => primary.resume(),
  })
}

/** The others elect a new primary, while the hubs still reach the one that cannot reach them. */
async function primaryCutOff(world: World, random: Random): Promise<void> {
  const member = world.set.members.indexOf(await world.primary())
  await fault(world, 'the primary is cut off from the others', random.between(9_000, 14_000), {
    recoversFrom: 'begin',
    begin: () => world.network!.cutOff(member),
    end: () => world.network!.join(member),
  })
}

/**
 * The primary takes writes that no other member has, dies, and takes them back when it returns. The others
 * are killed and not stopped: a stopped one would find the writes in its sockets when it resumes.
 */
async function rollback(world: World, random: Random): Promise<void> {
  const primary = await world.primary()
  const others = world.set.members.filter((member) => member !== primary)
  await fault(world, 'the primary writes alone and is killed', random.between(1_000, 1_800), {
    begin: () => Promise.all(others.map((member) => member.kill())),
    end: async () => {
      await primary.kill()
      others.forEach((member) => member.start())
      await world.primary()
    },
  })
  await pause(random.between(1_000, 2_000))
  primary.start()
  await pause(4_000)
}

async function wrongClock(world: World, clock: string): Promise<void> {
  const hub = world.hubs[0]!
  const startAgain = (atClock?: string) =>
    fault(world, 'hub 0 starts again', 0, {
      silent: 0,
      isAnnounced: true,
      begin: () => hub.end('SIGTERM'),
      end: () => {
        hub.start(atClock)
        return hub.ready()
      },
    })
  await startAgain(clock)
  await fault(world, `the clock of hub 0 is ${clock}`, 6_000, { begin: () => {}, end: () => {} })
  await startAgain()
}

const spin = 'const end = Date.now() + Number(process.argv[1]); while (Date.now() < end);'

async function starved(world: World, random: Random): Promise<void> {
  const forMs = random.between(6_000, 10_000)
  await fault(world, 'busy loops take the processors', forMs, {
    begin: () => Array.from({ length: 4 }, () => start(process.execPath, ['-e', spin, String(forMs)])),
    end: () => {},
  })
}

/** A small disk for the data of one member. */
export const diskDir = path.join(runsDir, `faults-disk-${process.pid}`)

export function mountDisk(): void {
  mkdirSync(diskDir, { recursive: true })
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=400m', 'tmpfs', diskDir])
}

export function unmountDisk(): void {
  execFileSync('umount', ['-l', diskDir])
  rmSync(diskDir, { recursive: true, force: true })
}

async function fullDisk(world: World, random: Random): Promise<void> {
  const filler = path.join(diskDir, 'filler')
  const free = () =>
    Number(execFileSync('df', ['--output=avail', '-k', diskDir], { encoding: 'utf8' }).split('\n')[1])
  const member = world.set.members[0]!
  await fault(world, 'the disk of mongod is full', random.between(3_000, 5_000), {
    begin: () => writeFileSync(filler, Buffer.alloc(Math.max(0, free() - 8) * 1024)),
    end: async () => {
      truncateSync(filler, 0)
      // MongoDB ends when it cannot write its journal; its supervisor starts it again.
      if (member.hasEnded) member.start()
      await world.primary()
    },
  })
}

const isRoot = process.getuid?.() === 0

export const scenarios: readonly Scenario[] = [
  { name: 'calm', members: 1, run: () => pause(6_000) },
  {
    name: 'hub-killed',
    members: 1,
    isShort: true,
    run: (world, random) => ofEachHub(random, (hub) => hubKilled(world, random, 'SIGKILL', hub)),
  },
  {
    name: 'hub-stopped',
    members: 1,
    isShort: true,
    run: (world, random) => ofEachHub(random, (hub) => hubStopped(world, random, hub)),
  },
  {
    name: 'hub-terminated',
    members: 1,
    run: (world, random) => ofEachHub(random, (hub) => hubKilled(world, random, 'SIGTERM', hub)),
  },
  {
    name: 'mongod-killed',
    members: 1,
    isShort: true,
    run: (world, random) => repeat(2, random, () => mongodKilled(world, random)),
  },
  {
    name: 'mongod-stopped',
    members: 1,
    run: (world, random) => repeat(2, random, () => mongodStopped(world, random)),
  },
  ...(['DELAY', 'CUT', 'SWALLOW', 'HALVE'] as const).map((mode): Scenario => ({
    name: `mongo-${mode.toLowerCase()}`,
    members: 1,
    run: (world, random) => repeat(2, random, () => cable(mode)(world, random)),
  })),
  {
    name: 'answers-lost',
    members: 1,
    isShort: true,
    run: (world, random) =>
      repeat(5, random, () => door(world, random, random.pick(['DELAY', 'CUT', 'SWALLOW', 'HALVE']))),
  },
  {
    name: 'clock-ahead',
    members: 1,
    skipped: () => (hasFakeTime ? null : 'libfaketime is not installed'),
    run: (world) => wrongClock(world, '+1d'),
  },
  {
    name: 'clock-behind',
    members: 1,
    skipped: () => (hasFakeTime ? null : 'libfaketime is not installed'),
    run: (world) => wrongClock(world, '-1h'),
  },
  { name: 'starved', members: 1, run: starved },
  {
    name: 'full-disk',
    members: 1,
    disk: true,
    skipped: () => (isRoot ? null : 'a small disk is mounted by root only'),
    run: fullDisk,
  },
  {
    name: 'primary-killed',
    members: 3,
    isShort: true,
    run: (world, random) => repeat(2, random, () => primaryKilled(world, random)),
  },
  {
    name: 'primary-stopped',
    members: 3,
    run: (world, random) => repeat(1, random, () => primaryStopped(world, random)),
  },
  { name: 'rollback', members: 3, run: (world, random) => repeat(2, random, () => rollback(world, random)) },
  {
    name: 'primary-cut-off',
    members: 3,
    network: true,
    skipped: () => (hasNetworks() ? null : 'this machine lets this user make no network namespaces'),
    run: (world, random) => repeat(1, random, () => primaryCutOff(world, random)),
  },
]

/** One fault after the other at random, for `minutes`: of a set of three and two hubs. */
export async function soak(world: World, random: Random, minutes: number): Promise<void> {
  const endAt = performance.now() + minutes * 60_000
  const faults = [
    () => hubKilled(world, random, 'SIGKILL'),
    () => hubKilled(world, random, 'SIGTERM'),
    () => hubStopped(world, random),
    () => primaryKilled(world, random),
    () => primaryStopped(world, random),
    () => rollback(world, random),
    () => starved(world, random),
    () => door(world, random, random.pick(['DELAY', 'CUT', 'SWALLOW', 'HALVE'])),
  ]
  while (performance.now() < endAt) {
    await random.pick(faults)()
    await pause(random.between(1_000, 8_000))
  }
}
