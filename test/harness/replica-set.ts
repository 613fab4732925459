// A MongoDB of its own for a test that stops it: one member, or three that elect a primary within seconds.

import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync } from 'node:fs'
import path from 'node:path'
import { MongoClient } from 'mongodb'
import { afterAll } from 'vitest'
import { findMongod } from '../../gateway/mongod/binary.ts'
import { choosePort } from '../../gateway/mongod/port.ts'
import { pause } from '../../subgraphs/platform/async/promise.ts'
import { electionParameter, electionSettings } from './elections.ts'
import { freshFolder } from './mongo.ts'
import { binaryDir } from './places.ts'

export interface Member {
  readonly port: number
  /** Ends it as a power cut does. */
  kill(): Promise<void>
  /** Starts it again after `kill`. */
  start(): void
  /** Lets it stand still: its sockets stay open, and nothing answers. */
  freeze(): void
  /** Ends `freeze`. */
  thaw(): void
}

export interface ReplicaSet {
  readonly uri: string
  readonly members: readonly Member[]
  /** The member that is the primary now; waits for one. */
  primary(): Promise<Member>
}

/** Starts a replica set, and ends it after the test file. */
export async function startReplicaSet(size: 1 | 3): Promise<ReplicaSet> {
  const { path: binary } = await findMongod({
    binary: process.env.MONGOD_BINARY,
    cacheDir: binaryDir,
    logger: { info: () => {} },
  })
  const folder = freshFolder()
  const members: Member[] = []
  for (let n = 0; n < size; n++) {
    members.push(startMember(binary, path.join(folder, String(n)), await choosePort(undefined, undefined)))
  }
  afterAll(() => Promise.all(members.map((member) => member.kill())))
  await initiate(members)
  const hosts = members.map(({ port }) => `127.0.0.1:${port}`).join(',')
  const set = { uri: `mongodb://${hosts}/?replicaSet=${name}`, members, primary: () => primaryOf(members) }
  await set.primary()
  return set
}

const name = 'faulty'

function startMember(binary: string, dbpath: string, port: number): Member {
  mkdirSync(dbpath)
  const settings = ['--dbpath', dbpath, '--port', String(port), '--replSet', name, '--bind_ip', '127.0.0.1']
  const small = ['--oplogSize', '64', '--wiredTigerCacheSizeGB', '0.25', '--nounixsocket', '--quiet']
  const quick = ['diagnosticDataCollectionEnabled=false', electionParameter].flatMap((one) => [
    '--setParameter',
    one,
  ])
  const start = (): ChildProcess => spawn(binary, [...settings, ...small, ...quick], { stdio: 'ignore' })
  let child = start()
  process.once('exit', () => child.kill('SIGKILL'))
  return {
    port,
    async kill() {
      if (child.exitCode !== null || child.signalCode !== null) return
      child.kill('SIGKILL')
      await once(child, 'exit')
    },
    start() {
      child = start()
    },
    freeze: () => void child.kill('SIGSTOP'),
    thaw: () => void child.kill('SIGCONT'),
  }
}

/** Queries one member by itself, for a short time only: it may stand still. */
async function ask<Answer>(
  port: number,
  question: (client: MongoClient) => Promise<Answer>,
): Promise<Answer> {
  const client = new MongoClient(`mongodb://127.0.0.1:${port}/?directConnection=true`, {
    serverSelectionTimeoutMS: 500,
    connectTimeoutMS: 500,
    socketTimeoutMS: 2_000,
  })
  try {
    return await question(client)
  } finally {
    await client.close()
  }
}

async function initiate(members: readonly Member[]): Promise<void> {
  const config = {
    _id: name,
    members: members.map(({ port }, n) => ({ _id: n, host: `127.0.0.1:${port}` })),
    settings: electionSettings,
  }
  const tryOnce = (): Promise<unknown> =>
    ask(members[0]!.port, (client) => client.db('admin').command({ replSetInitiate: config }))
  while (
    !(await tryOnce()
      .then(() => true)
      .catch(() => false))
  )
    await pause(100)
}

async function primaryOf(members: readonly Member[]): Promise<Member> {
  for (;;) {
    for (const member of members) {
      const hello = await ask(member.port, (client) => client.db('admin').command({ hello: 1 })).catch(
        () => null,
      )
      if (hello?.isWritablePrimary) return member
    }
    await pause(50)
  }
}
