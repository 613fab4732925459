import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import path from 'node:path'
import { beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest'
import { findMongod } from '../../../gateway/mongod/binary.ts'
import { temporaryFolder } from '../../harness/temporary-folder.ts'

const logger = { info: () => {} }

/** A program that reports its version as a mongod does. The tests never start it as a server. */
function aMongod(folder: string, version = '8.0.4'): string {
  mkdirSync(folder, { recursive: true })
  const file = path.join(folder, 'mongod')
  writeFileSync(file, `#!/bin/sh\necho "db version v${version}"\n`, { mode: 0o755 })
  return file
}

/** The only folder on the PATH; `tar` is what a download needs, and there is no Python in it. */
let onPath: string

beforeEach(() => {
  onPath = temporaryFolder()
  writeFileSync(path.join(onPath, 'tar'), `#!/bin/sh\nPATH=${process.env.PATH} exec tar "$@"\n`, {
    mode: 0o755,
  })
  vi.stubEnv('PATH', onPath)
  vi.stubEnv('MONGOMS_DOWNLOAD_MIRROR', 'http://127.0.0.1:1')
  return () => vi.unstubAllEnvs()
})

describe('a mongod is found', () => {
  test('at the path that the operator gives, and nowhere else', async () => {
    const binary = aMongod(temporaryFolder())
    expect(await findMongod({ binary, cacheDir: temporaryFolder(), logger })).toEqual({
      path: binary,
      source: 'MONGOD_BINARY',
    })
  })

  test('on the PATH, then in the cache', async () => {
    const cacheDir = temporaryFolder()
    const kept = aMongod(cacheDir)
    expect(await findMongod({ cacheDir, logger })).toEqual({ path: kept, source: 'the cache' })
    aMongod(onPath)
    expect(await findMongod({ cacheDir, logger })).toEqual({ path: 'mongod', source: 'the PATH' })
  })

  test('in the cache when the one on the PATH is too old', async () => {
    aMongod(onPath, '4.4.29')
    const cacheDir = temporaryFolder()
    aMongod(cacheDir)
    expect(await findMongod({ cacheDir, logger })).toMatchObject({ source: 'the cache' })
  })

  test('or the error gives the reason for each source', async () => {
    const cacheDir = temporaryFolder()
    await expect(findMongod({ cacheDir, logger })).rejects.toMatchObject({
      code: 'MONGOD_NOT_FOUND',
      message: expect.stringMatching(
        /^no mongod was found \(on the PATH: there is no mongod; MongoDB's download: .+; the Python package: .+\)\. Install /,
      ),
    })
    expect(readdirSync(cacheDir)).toEqual([])
  })
})

describe("MongoDB's download", () => {
  /** Publishes an archive as MongoDB does, with its SHA-256 beside it. */
  async function publish({ sha256 }: { sha256?: string } = {}): Promise<void> {
    vi.unstubAllEnvs()
    const folder = temporaryFolder()
    aMongod(path.join(folder, 'mongodb-8/bin'), '8.2.6')
    execFileSync('tar', ['-czf', 'archive.tgz', 'mongodb-8'], { cwd: folder })
    const archive = readFileSync(path.join(folder, 'archive.tgz'))
    const hash = sha256 ?? createHash('sha256').update(archive).digest('hex')
    const server = http.createServer((request, response) => {
      response.end(request.url!.endsWith('.sha256') ? `${hash}  archive.tgz\n` : archive)
    })
    server.listen(0, '127.0.0.1')
    onTestFinished(() => void server.close())
    await once(server, 'listening')
    vi.stubEnv('PATH', onPath)
    vi.stubEnv('MONGOMS_DOWNLOAD_MIRROR', `http://127.0.0.1:${(server.address() as AddressInfo).port}`)
  }

  test('is unpacked, and cached for the next start', async () => {
    await publish()
    const cacheDir = temporaryFolder()
    const kept = path.join(cacheDir, 'mongod')
    expect(await findMongod({ cacheDir, logger })).toEqual({ path: kept, source: "MongoDB's download" })
    expect(readdirSync(cacheDir)).toEqual(['mongod'])
    expect(await findMongod({ cacheDir, logger })).toEqual({ path: kept, source: 'the cache' })
  })

  test('is refused when it does not match its SHA-256', async () => {
    await publish({ sha256: 'a'.repeat(64) })
    const cacheDir = temporaryFolder()
    await expect(findMongod({ cacheDir, logger })).rejects.toThrow(`expected ${'a'.repeat(64)}`)
    expect(readdirSync(cacheDir)).toEqual([])
  })
})
