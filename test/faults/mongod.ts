// A replica set of one or three mongod processes with a small oplog, which a run kills and stops.

import type { ChildProcess } from 'node:child_process'
import { mkdirSync, rmSync } from 'node:fs'
import { MongoClient } from 'mongodb'
import { findMongod } from '../../gateway/mongod/binary.ts'
import { electionParameter, electionSettings } from '../harness/elections.ts'
import { endProcess } from '../harness/end-process.ts'
import { binaryDir } from '../harness/places.ts'
import type { Network } from './network.ts'
import { freePorts, start, until } from './processes.ts'

const oplogMb = 32

/** Where a member runs: its address, and the command that runs a program there. */
interface Place {
  readonly host: string
  readonly prefix: readonly string[]
}

export class Member {
  readonly port: number
  readonly host: string
  readonly #prefix: readonly string[]
  readonly #binary: string
  readonly #dir: string
  #process: ChildProcess | null = null

  constructor(
    binary: string,
    dir: string,
    port: number,
    { host, prefix }: Place = { host: '127.0.0.1', prefix: [] },
  ) {
    this.host = host
    this.#prefix = prefix
    this.#binary = binary
    this.#dir = dir
    this.port = port
    mkdirSync(dir, { recursive: true })
  }

  start(): void {
    const options = [
      ['--dbpath', this.#dir, '--replSet', 'faults', '--bind_ip', this.host, '--port', String(this.port)],
      ['--nounixsocket', '--oplogSize', String(oplogMb), '--wiredTigerCacheSizeGB', '0.25', '--quiet'],
      ['--setParameter', 'transactionLifetimeLimitSeconds=10', '--setParameter', electionParameter],
      ['--logpath', `${this.#dir}/../${this.port}.log`],
      ['--wiredTigerEngineConfigString', 'log=(file_max=16MB)'],
    ]
    const [command, ...args] = [...this.#prefix, this.#binary, ...options.flat()]
    this.#process = start(command!, args)
  }

  async kill(): Promise<void> {
    if (this.#process) await endProcess(this.#process)
  }

  /** Stands still until `resume`. */
  stop(): void {
    this.#process?.kill('SIGSTOP')
  }

  resume(): void {
    this.#process?.kill('SIGCONT')
  }

  get hasEnded(): boolean {
    return this.#process === null || this.#process.exitCode !== null || this.#process.signalCode !== null
  }

  /** Calls the member itself, whatever its role. */
  async hello(): Promise<{ readonly isWritablePrimary: boolean }> {
    const client = new MongoClient(`mongodb://${this.host}:${this.port}/?directConnection=true`, {
      serverSelectionTimeoutMS: 1_000,
    })
    try {
      return (await client.db('admin').command({ hello: 1 })) as { isWritablePrimary: boolean }
    } finally {
      await client.close()
    }
  }
}

export interface ReplicaSet {
  readonly members: readonly Member[]
  readonly uri: string
  /** The member that accepts writes now. */
  primary(): Promise<Member>
  close(): Promise<void>
}

/**
 * Starts a set of `size` members in `dir`, which is emptied. The data of the first may lie in `diskDir`, and
 * the members in a network of their own.
 */
export async function startReplicaSet(
  dir: string,
  size: 1 | 3,
  { diskDir, network }: { readonly diskDir?: string; readonly network?: Network } = {},
): Promise<ReplicaSet> {
  rmSync(dir, { recursive: true, force: true })
  const binary = await findMongod({
    binary: process.env['MONGOD_BINARY'],
    cacheDir: binaryDir,
    logger: console,
  })
  const ports = await freePorts(size)
  const members = ports.map((port, n) => {
    const place = network && { host: network.addressOf(n), prefix: network.prefixOf(n) }
    return new Member(binary.path, n === 0 ? (diskDir ?? `${dir}/0`) : `${dir}/${n}`, port, place)
  })
  for (const member of members) member.start()
  await until('every mongod listens', 60_000, async () => {
    await Promise.all(members.map((member) => member.hello()))
    return true
  })
  await initiate(members)
  const primary = async (): Promise<Member> => {
    let found: Member | undefined
    await until('a primary', 60_000, async () => {
      const helloes = await Promise.allSettled(
        members
          .filter(({ hasEnded }) => !hasEnded)
          .map(async (member) => ({ member, ...(await member.hello()) })),
      )
      found = helloes.flatMap((one) =>
        one.status === 'fulfilled' && one.value.isWritablePrimary ? [one.value.member] : [],
      )[0]
      return found !== undefined
    })
    return found!
  }
  await primary()
  return {
    members,
    uri: `mongodb://${members.map(({ host, port }) => `${host}:${port}`).join(',')}/?replicaSet=faults`,
    primary,
    async close() {
      await Promise.all(members.map((member) => member.kill()))
      rmSync(dir, { recursive: true, force: true })
    },
  }
}

async function initiate(all: readonly Member[]): Promise<void> {
  const client = new MongoClient(`mongodb://${all[0]!.host}:${all[0]!.port}/?directConnection=true`)
  try {
    const members = all.map(({ host, port }, _id) => ({ _id, host: `${host}:${port}` }))
    const config = { _id: 'faults', members, settings: electionSettings }
    await client.db('admin').command({ replSetInitiate: config })
  } finally {
    await client.close()
  }
}
