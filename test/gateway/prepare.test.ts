import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import path from 'node:path'
import { text } from 'node:stream/consumers'
import { afterAll, beforeEach, expect, test } from 'vitest'
import { temporaryFolder } from '../harness/temporary-folder.ts'

const { platform, arch, execPath, version } = process
const nodePackage = `${platform === 'darwin' && arch === 'arm64' ? 'node-bin' : 'node'}-${platform}-${arch}`
const oldVersion = 'v20.20.2'
const works = `#!/bin/sh\nexec '${execPath}' "$@"\n`

/** What a registry has of the package: the text of its `bin/node`, and how often that was fetched. */
const served = { binary: works, downloads: 0 }
const registry = createServer((request, response) => {
  if (request.url!.endsWith('.tgz')) {
    served.downloads += 1
    response.end(archiveOf(served.binary))
    return
  }
  const [name, number] = [nodePackage, version.slice(1)]
  const dist = { tarball: `http://${request.headers.host}/node.tgz` }
  const versions = { [number]: { name, version: number, dist } }
  response.end(JSON.stringify({ name, 'dist-tags': { latest: number }, versions }))
}).listen(0, '127.0.0.1')
await once(registry, 'listening')
afterAll(() => registry.close())

function archiveOf(binary: string): Buffer {
  const folder = temporaryFolder()
  write(path.join(folder, 'package/bin/node'), binary)
  write(
    path.join(folder, 'package/package.json'),
    JSON.stringify({ name: nodePackage, version: version.slice(1) }),
  )
  return execFileSync('tar', ['-cz', '-C', folder, 'package'])
}

function write(file: string, content: string): void {
  mkdirSync(path.dirname(file), { recursive: true })
  writeFileSync(file, content)
  chmodSync(file, 0o755)
}

/** A clone of the repository, whose lock has no package but `node`, on a machine with another Node. */
let root: string
let machine: string
beforeEach(() => {
  root = temporaryFolder()
  machine = temporaryFolder()
  Object.assign(served, { binary: works, downloads: 0 })
  for (const file of ['prepare.js', 'told.js']) {
    mkdirSync(path.join(root, 'gateway'), { recursive: true })
    copyFileSync(new URL(`../../gateway/${file}`, import.meta.url), path.join(root, 'gateway', file))
  }
  const node = { version: version.slice(1), dev: true }
  write(path.join(root, 'package.json'), '{ "type": "module" }')
  write(
    path.join(root, 'package-lock.json'),
    JSON.stringify({ packages: { '': {}, 'node_modules/node': node } }),
  )
  write(path.join(root, 'node_modules/.package-lock.json'), '{ "packages": {} }')
  mkdirSync(path.join(root, 'node_modules/.bin'))
  machineHas(oldVersion)
})

/** npm runs on it all the same: only its version is another. */
const machineHas = (other: string): void =>
  write(
    path.join(machine, 'node'),
    `#!/bin/sh\n[ "$1" = --version ] && echo ${other} || exec '${execPath}' "$@"\n`,
  )

async function prepare(): Promise<{ readonly code: number; readonly output: string }> {
  const { port } = registry.address() as AddressInfo
  const child = spawn(execPath, [path.join(root, 'gateway/prepare.js'), 'packages'], {
    env: {
      PATH: `${machine}:${process.env['PATH']}`,
      HOME: machine,
      npm_config_registry: `http://127.0.0.1:${port}`,
      npm_config_cache: path.join(machine, 'cache'),
    },
  })
  const [output, errors, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'exit') as Promise<[number]>,
  ])
  return { code, output: output + errors }
}

const bundled = (): string => path.join(root, 'node_modules/.bin/node')
const versionOf = (node: string): string => execFileSync(node, ['--version'], { encoding: 'utf8' }).trim()

test('a machine with an older Node gets its own once, and the scripts run on it', async () => {
  const { code, output } = await prepare()
  expect(output).toContain(
    `This machine has Node ${oldVersion}: fetching Node ${version.slice(1)} into .data/node`,
  )
  expect(code).toBe(0)
  expect(readlinkSync(bundled())).toBe(`../../.data/node/node_modules/${nodePackage}/bin/node`)
  expect(versionOf(bundled())).toBe(version)
  rmSync(bundled())
  expect(await prepare()).toEqual({ code: 0, output: '' })
  expect(versionOf(bundled())).toBe(version)
  expect(served.downloads).toBe(1)
})

test('a Node that does not run here, or was damaged, is fetched again', async () => {
  served.binary = 'cut sho'
  const failed = await prepare()
  expect(failed.output).toContain('the download of Node brought one that does not run here')
  expect(failed.code).toBe(1)
  expect(existsSync(path.join(root, '.data/node'))).toBe(false)
  served.binary = works
  rmSync(path.join(machine, 'cache'), { recursive: true })
  expect(await prepare()).toMatchObject({ code: 0 })
  writeFileSync(bundled(), '')
  expect(await prepare()).toMatchObject({ code: 0 })
  expect(versionOf(bundled())).toBe(version)
})

test('the Node that npm has installed is used, and its own where the machine’s is new enough', async () => {
  write(path.join(root, 'node_modules/node/bin/node'), works)
  symlinkSync('../node/bin/node', bundled())
  expect(await prepare()).toEqual({ code: 0, output: '' })
  expect(readlinkSync(bundled())).toBe('../node/bin/node')
  rmSync(bundled())
  await prepare()
  expect(readFileSync(bundled(), 'utf8')).toBe(works)
  machineHas('v26.1.0')
  expect(await prepare()).toEqual({ code: 0, output: '' })
  expect(existsSync(bundled())).toBe(false)
})
