import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import net from 'node:net'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { describe, expect, inject, onTestFinished, test } from 'vitest'
import { processInfo } from '../../../gateway/mongod/process-info.ts'
import { type Load, type MongoOptions, startMongo } from '../../../gateway/mongod/start.ts'
import { connect } from '../../../subgraphs/platform/mongo/client.ts'
import { freshFolder } from '../../harness/mongo.ts'
import { binaryDir } from '../../harness/places.ts'

const binary = process.env.MONGOD_BINARY
const silent = { info: () => {} }

async function start(options: Partial<MongoOptions> & { dataDir: string }) {
  const mongo = await startMongo({ binary, binaryDir, logger: silent, ...options })
  onTestFinished(async () => {
    kill(mongodOf(options.dataDir))
    await mongo.ended
  })
  return mongo
}

/** Starts a hub in a process group of its own, as a shell does, and waits until its MongoDB is ready. */
async function startHub(dataDir: string) {
  const script = fileURLToPath(new URL('../../harness/mongod-hub.ts', import.meta.url))
  const hub = spawn(process.execPath, [script, dataDir, binaryDir], {
    detached: true,
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  onTestFinished(async () => {
    hub.kill('SIGKILL')
    await ended(hub)
    kill(mongodOf(dataDir))
  })
  const [uri] = await once(createInterface(hub.stdout), 'line')
  return { hub, uri: String(uri), mongod: mongodOf(dataDir) }
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
}

/** At once: ending in order takes a second, and the folder is thrown away. */
function kill(mongod: number): void {
  if (processInfo(mongod)) process.kill(mongod, 'SIGKILL')
}

const mongodOf = (dataDir: string): number =>
  JSON.parse(readFileSync(path.join(dataDir, 'mongod.json'), 'utf8')).mongod

/** mongod empties its lock file when it ends in order, and leaves its process id there when it does not. */
const endedInOrder = (dataDir: string) => readFileSync(path.join(dataDir, 'db/mongod.lock'), 'utf8') === ''

async function write(uri: string, id: string): Promise<void> {
  const mongo = await connect(uri)
  await mongo.db('test').collection<{ _id: string }>('payments').insertOne({ _id: id })
  await mongo.close()
}

async function readAll(uri: string): Promise<string[]> {
  const mongo = await connect(uri)
  const payments = await mongo
    .db('test')
    .collection<{ _id: string }>('payments')
    .find()
    .sort({ _id: 1 })
    .toArray()
  await mongo.close()
  return payments.map(({ _id }) => _id)
}

describe('a MongoDB of its own', () => {
  test('accepts majority writes, keeps them over a restart, and starts again on the same port or another', async () => {
    const dataDir = freshFolder()
    const lines: string[] = []
    const first = await start({ dataDir, logger: { info: (line) => lines.push(line) } })
    const { host } = new URL(first.uri)
    expect(lines).toEqual([expect.stringMatching(/^MongoDB \d+\.\d+\.\d+ from /)])
    expect(lines[0]!.endsWith(` on ${host}, data in ${dataDir}/db`)).toBe(true)
    await write(first.uri, 'p1')
    await first.close()
    expect(processInfo(mongodOf(dataDir))).toBeNull()
    expect(endedInOrder(dataDir)).toBe(true)

    const second = await start({ dataDir })
    expect(second.uri).toBe(first.uri)
    await write(second.uri, 'p2')
    await second.close()

    const port = await freePort()
    const third = await start({ dataDir, port })
    expect(third.uri).toContain(`:${port}/`)
    await write(third.uri, 'p3')
    expect(await readAll(third.uri)).toEqual(['p1', 'p2', 'p3'])
  })

  test('moves to a free port when the one of the last start is in use', async () => {
    const dataDir = freshFolder()
    const first = await start({ dataDir })
    await write(first.uri, 'p1')
    await first.close()
    await listenOn(Number(new URL(first.uri).port))
    const second = await start({ dataDir })
    expect(second.uri).not.toBe(first.uri)
    expect(await readAll(second.uri)).toEqual(['p1'])
  })
})

describe('it ends with its hub', () => {
  test.each(['SIGINT', 'SIGTERM'] as const)('in order, on %s to the whole process group', async (signal) => {
    const dataDir = freshFolder()
    const { hub, mongod } = await startHub(dataDir)
    process.kill(-hub.pid!, signal)
    await ended(hub)
    expect(hub.exitCode).toBe(0)
    expect(processInfo(mongod)).toBeNull()
    expect(endedInOrder(dataDir)).toBe(true)
  })

  test('in order, when the hub exits without closing it', async () => {
    const dataDir = freshFolder()
    const { hub, mongod } = await startHub(dataDir)
    hub.kill('SIGUSR2')
    await ended(hub)
    await expect.poll(() => processInfo(mongod), { timeout: 10_000 }).toBeNull()
    expect(endedInOrder(dataDir)).toBe(true)
  })

  test('and notifies the hub when it ends by itself', async () => {
    const dataDir = freshFolder()
    const mongo = await start({ dataDir })
    process.kill(mongodOf(dataDir), 'SIGKILL')
    await expect(mongo.ended).resolves.toBeUndefined()
    await expect(mongo.close()).resolves.toBeUndefined()
  })
})

describe('the next start', () => {
  test('ends the mongod of a hub that was killed, and has what was acknowledged', async () => {
    const dataDir = freshFolder()
    const { hub, uri, mongod } = await startHub(dataDir)
    await write(uri, 'p1')
    hub.kill('SIGKILL')
    await ended(hub)
    expect(processInfo(mongod)).not.toBeNull()

    const next = await start({ dataDir })
    expect(processInfo(mongod)).toBeNull()
    expect(await readAll(next.uri)).toEqual(['p1'])
  })

  test('has what was acknowledged when the power failed', async () => {
    const dataDir = freshFolder()
    const { hub, uri, mongod } = await startHub(dataDir)
    await write(uri, 'p1')
    hub.kill('SIGKILL')
    process.kill(mongod, 'SIGKILL')
    await ended(hub)
    await expect.poll(() => processInfo(mongod)).toBeNull()

    const next = await start({ dataDir })
    expect(await readAll(next.uri)).toEqual(['p1'])
  })

  test('does not end another process that has the id of an old mongod', async () => {
    const dataDir = freshFolder()
    const bystander = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'])
    onTestFinished(() => void bystander.kill())
    writeFileSync(
      path.join(dataDir, 'mongod.json'),
      JSON.stringify({ hub: 1, mongod: bystander.pid, port: await freePort() }),
    )
    await start({ dataDir })
    expect(bystander.exitCode ?? bystander.signalCode).toBeNull()
  })
})

describe('a load before the replica set', () => {
  const startAfter = async (dataDir: string, load: Load) => {
    const mongo = await startMongo({ binary, binaryDir, dataDir, logger: silent }, load)
    onTestFinished(async () => {
      kill(mongodOf(dataDir))
      await mongo.ended
    })
    return mongo
  }
  const unexpected: Load = () => expect.unreachable('it was loaded again')

  test('writes to a single server, whose data the replica set has, once', async () => {
    const dataDir = freshFolder()
    const mongo = await startAfter(dataDir, async ({ uri, isSingle }) => {
      expect(isSingle).toBe(true)
      const client = await connect(uri)
      const { setName } = await client.db('admin').command({ hello: 1 })
      await client.close()
      expect(setName).toBeUndefined()
      await write(uri, 'p1')
    })
    expect(mongo.isSingle).toBe(false)
    await write(mongo.uri, 'p2')
    await mongo.close()

    const next = await startAfter(dataDir, unexpected)
    expect(await readAll(next.uri)).toEqual(['p1', 'p2'])
  })

  test('is called again when it was interrupted, and has what was written', async () => {
    const dataDir = freshFolder()
    const interrupted = startAfter(dataDir, async ({ uri }) => {
      await write(uri, 'p1')
      kill(mongodOf(dataDir))
      throw new Error('power cut')
    })
    await expect(interrupted).rejects.toThrow('power cut')
    const mongo = await startAfter(dataDir, async ({ uri }) => {
      expect(await readAll(uri)).toEqual(['p1'])
      await write(uri, 'p2')
    })
    expect(await readAll(mongo.uri)).toEqual(['p1', 'p2'])
  })

  test('does not concern a folder of a replica set', async () => {
    const dataDir = freshFolder()
    const first = await start({ dataDir })
    await first.close()
    expect((await startAfter(dataDir, unexpected)).isSingle).toBe(false)
  })
})

describe('a failure is one line with a code', () => {
  const refusal = (options: Partial<MongoOptions>) =>
    startMongo({ binary, binaryDir, dataDir: freshFolder(), logger: silent, ...options }).then(
      () => expect.unreachable('it started'),
      (error: Error & { code: string }) => {
        expect(error.message).not.toContain('\n')
        return { code: error.code, message: error.message }
      },
    )

  test('another hub uses the folder', async () => {
    const dataDir = freshFolder()
    const { hub, uri } = await startHub(dataDir)
    expect(await refusal({ dataDir })).toEqual({
      code: 'MONGOD_FOLDER_IN_USE',
      message: `the data folder ${dataDir} is in use by the hub with process id ${hub.pid}; stop it, or set DATA_DIR to another folder`,
    })
    await write(uri, 'it runs on')
  })

  test('another mongod uses the folder, without a record of its start', async () => {
    const dataDir = freshFolder()
    await startHub(dataDir)
    const note = readFileSync(path.join(dataDir, 'mongod.json'))
    writeFileSync(path.join(dataDir, 'mongod.json'), '')
    expect(await refusal({ dataDir })).toMatchObject({ code: 'MONGOD_FOLDER_IN_USE' })
    writeFileSync(path.join(dataDir, 'mongod.json'), note)
  })

  test('the port is in use', async () => {
    const port = await listenOn(0)
    expect(await refusal({ port })).toMatchObject({
      code: 'MONGOD_PORT_TAKEN',
      message: expect.stringContaining(`port ${port} `),
    })
  })

  test('the folder cannot be written', async () => {
    const file = path.join(freshFolder(), 'file')
    writeFileSync(file, '')
    expect(await refusal({ dataDir: path.join(file, 'data') })).toMatchObject({
      code: 'MONGOD_FOLDER_NOT_WRITABLE',
    })
  })

  test('the data is not what a mongod wrote', async () => {
    const dataDir = freshFolder()
    const mongo = await start({ dataDir })
    await mongo.close()
    writeFileSync(path.join(dataDir, 'db/WiredTiger.turtle'), 'torn')
    expect(await refusal({ dataDir })).toMatchObject({
      code: 'MONGOD_ENDED',
      message: expect.stringContaining(path.join(dataDir, 'mongod.log')),
    })
  })

  test.each([
    { what: 'is not there', named: '/nowhere/mongod', reason: 'there is no /nowhere/mongod' },
    { what: 'is another program', named: process.execPath, reason: 'it is not a mongod' },
  ])('MONGOD_BINARY $what', async ({ named, reason }) => {
    expect(await refusal({ binary: named })).toEqual({
      code: 'MONGOD_UNUSABLE',
      message: `MONGOD_BINARY=${named} cannot be used: ${reason}`,
    })
  })
})

describe("the operator's own MongoDB", () => {
  const given = (uri: string) => startMongo({ uri, dataDir: freshFolder(), logger: silent })

  test('is used when it is a replica set, and left running', async () => {
    const mongo = await given(inject('mongoUri'))
    expect(mongo).toMatchObject({ uri: inject('mongoUri'), source: 'MONGODB_URI' })
    await mongo.close()
    await readAll(mongo.uri)
  })

  test('is refused when it is a single server', async () => {
    const uri = await startSingleServer()
    await expect(given(uri)).rejects.toMatchObject({
      code: 'MONGODB_NOT_REPLICA_SET',
      message: expect.stringContaining('single server'),
    })
  })

  test('is refused when nothing responds, without the password in the message', async () => {
    const port = await freePort()
    const refused = given(`mongodb://operator:secret@127.0.0.1:${port}/?serverSelectionTimeoutMS=100`)
    await expect(refused).rejects.toMatchObject({
      code: 'MONGODB_UNREACHABLE',
      message: expect.stringMatching(/^((?!secret).)*ECONNREFUSED((?!secret).)*$/),
    })
  })

  test('is refused when the URI cannot be read', async () => {
    await expect(given('mongodb://127.0.0.1:99999')).rejects.toMatchObject({ code: 'MONGODB_URI_INVALID' })
  })
})

/** A mongod that is no member of a set. */
async function startSingleServer(): Promise<string> {
  const port = await freePort()
  const dataDir = freshFolder()
  const mongod = spawn(
    binary ?? path.join(binaryDir, 'mongod'),
    ['--dbpath', dataDir, '--bind_ip', '127.0.0.1', '--port', String(port), '--nounixsocket'],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  )
  onTestFinished(async () => {
    mongod.kill()
    await ended(mongod)
  })
  for await (const line of createInterface(mongod.stdout)) {
    if (line.includes('Waiting for connections')) break
  }
  mongod.stdout.resume()
  return `mongodb://127.0.0.1:${port}`
}

async function freePort(): Promise<number> {
  const server = net.createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as net.AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}

/** Listens on `port` of 127.0.0.1, any for 0, until the test is over. It closes every connection at once. */
async function listenOn(port: number): Promise<number> {
  const server = net.createServer((socket) => socket.destroy()).listen(port, '127.0.0.1')
  onTestFinished(() => void server.close())
  await once(server, 'listening')
  return (server.address() as net.AddressInfo).port
}
