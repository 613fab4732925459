// Installs missing packages, Node 24 where the machine has an older one, and builds the portal: before npm's
// test, check and bench. `start` leaves out the packages for development, and builds a first portal while the
// hub starts. `packages` leaves them out too, `development` does not, and neither builds; `portal` only does
// that. Plain JavaScript without dependencies: the machine's own Node runs it, and node_modules may be empty.

import { spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  existsSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { runTold } from './told.js'

const root = fileURLToPath(new URL('..', import.meta.url))
const modules = path.join(root, 'node_modules')
const binaries = path.join(modules, '.bin')
const stamp = path.join(modules, '.crossgate-installed')
const portal = path.join(root, '.data/portal')
const majorMin = 24
/** Those that a start needs take some 20 s, all packages a minute. */
const installWithinMs = 300_000
const triesMax = 3
const buildWithinMs = 120_000
/** A first start is never silent for longer. */
const tellEveryMs = 4_000

const lockFile = path.join(root, 'package-lock.json')
// An image of a container has the packages, and no lock to compare them with.
if (!existsSync(lockFile)) process.exit(0)
const lock = readFileSync(lockFile, 'utf8')
const { packages } = JSON.parse(lock)
const [, , purpose = 'build'] = process.argv

// npm runs on the machine's own Node, because what it installs may replace another.
const folders = process.env.PATH.split(path.delimiter).filter((folder) => folder !== binaries)
const env = { ...process.env, PATH: folders.join(path.delimiter) }
const machineVersion = versionOf('node')
const isMachineNew = parseInt(machineVersion.slice(1), 10) >= majorMin

/** The Node of npm's scripts, where it is there: npm puts this folder first on the PATH. */
const bundled = path.join(binaries, 'node')
const { version: nodeVersion } = packages['node_modules/node']
const { platform, arch } = process
const nodePackage = `${platform === 'darwin' && arch === 'arm64' ? 'node-bin' : 'node'}-${platform}-${arch}`
const nodeFolder = path.join(root, '.data/node')
const nodeIn = (folder) => path.join(folder, 'node_modules', nodePackage, 'bin/node')

if (purpose !== 'portal') await prepare()
// A hub keeps serving the build that it has found, so only a first one may come later.
if (purpose === 'start' && !existsSync(portal)) buildPortalBeside()
else if (['start', 'build', 'portal'].includes(purpose)) await buildPortal()

async function prepare() {
  const hash = createHash('sha256').update(lock).digest('hex')
  const isStamped = read(stamp) === hash
  const needsAll = purpose === 'build' || purpose === 'development'
  // What is installed already for development stays.
  const installed =
    isStamped || isInstalled({ development: needsAll }) || installPackages(needsAll || existsSync(stamp))
  if (!hasNode()) await fetchNode()
  await installed
  if (!hasNode()) await linkNode()
  if (isMachineNew && isLinked()) rmSync(bundled)
  if (!isStamped && isInstalled({ development: true })) writeFileSync(stamp, hash)
}

/**
 * Whether node_modules already contains the packages of package-lock.json, for instance after `npm ci`.
 *
 * @param {{ development: boolean }} which Whether also those for development.
 */
function isInstalled({ development }) {
  const { packages: installed } = JSON.parse(read(path.join(modules, '.package-lock.json')) || '{}')
  if (!installed) return false
  return Object.entries(packages).every(([folder, { version, optional, dev, devOptional }]) => {
    if (folder === '') return true
    if (installed[folder]) return installed[folder].version === version
    return optional || (!development && (dev || devOptional))
  })
}

/** @param {boolean} development Whether also those for development. */
async function installPackages(development) {
  const duration = development ? 'a minute' : 'half a minute'
  console.log(`Installing the packages of package-lock.json into node_modules: this takes up to ${duration}`)
  // `npm ci` refuses a lock that lacks the builds of some platforms, as one from a partial mirror does.
  // `--no-save` leaves the lock unchanged.
  const failure = await npmInstall('npm install', ['--no-save', development ? '--include=dev' : '--omit=dev'])
  if (failure !== null) fail(`npm install ${failure}: fix what is reported above, and try again`)
  if (!isInstalled({ development }))
    fail('npm installed other packages than package-lock.json names: remove node_modules, and try again')
}

/**
 * Neither an interrupted download nor a damaged one takes the place in .data. The package `node` is not
 * installed for this: it runs npm in a script, and is one of a thousand for development.
 */
async function fetchNode() {
  if (versionOf(nodeIn(nodeFolder)) === `v${nodeVersion}`) return
  console.log(`This machine has Node ${machineVersion}: fetching Node ${nodeVersion} into .data/node`)
  const fresh = `${nodeFolder}-fresh`
  rmSync(fresh, { recursive: true, force: true })
  mkdirSync(fresh, { recursive: true })
  const options = ['--prefix', fresh, '--no-save', '--no-package-lock', '--no-audit', '--no-fund']
  const failure =
    (await npmInstall('the download of Node', [...options, `${nodePackage}@${nodeVersion}`])) ??
    (versionOf(nodeIn(fresh)) === `v${nodeVersion}` ? null : 'brought one that does not run here')
  if (failure !== null)
    fail(`the download of Node ${failure}: try again, or install Node ${majorMin} or newer yourself`)
  rmSync(nodeFolder, { recursive: true, force: true })
  renameSync(fresh, nodeFolder)
}

/** No package needs its script: that of `node` would fetch what `fetchNode` fetches. */
function npmInstall(name, options) {
  return runTold('npm', ['install', '--ignore-scripts', '--loglevel=error', ...options], {
    name,
    cwd: root,
    env,
    withinMs: installWithinMs,
    triesMax,
    tellEveryMs,
    tell: (line) => console.log(line),
  })
}

/** Whether npm's scripts run on a Node that is new enough. */
function hasNode() {
  return isMachineNew || versionOf(bundled) === `v${nodeVersion}`
}

/** npm may have replaced the Node that was there, and then none was fetched. */
async function linkNode() {
  await fetchNode()
  rmSync(bundled, { force: true })
  symlinkSync(path.relative(binaries, nodeIn(nodeFolder)), bundled)
}

function isLinked() {
  return existsSync(bundled) && realpathSync(bundled).includes('/.data/node/')
}

/** The version of a command, such as "v24.1.0"; empty where it does not run. */
function versionOf(command) {
  return spawnSync(command, ['--version'], { env, encoding: 'utf8' }).stdout?.trim() ?? ''
}

/** Builds the portal when its sources have changed. Without it a hub serves all but its pages. */
async function buildPortal() {
  const command = existsSync(bundled) ? bundled : process.execPath
  const failure = await runTold(command, [path.join(root, 'portal/build.ts')], {
    name: 'the build of the portal',
    withinMs: buildWithinMs,
    triesMax: 1,
    tellEveryMs,
    tell: (line) => console.log(line),
  })
  if (failure !== null) fail(`the build of the portal ${failure}: see the lines above`)
}

/** A process that the start of the hub does not wait for, with the same bounds. */
function buildPortalBeside() {
  const self = fileURLToPath(import.meta.url)
  spawn(process.execPath, [self, 'portal'], {
    stdio: ['ignore', 'inherit', 'inherit'],
    detached: true,
  }).unref()
}

/** @param {string} file */
function read(file) {
  return existsSync(file) ? readFileSync(file, 'utf8') : ''
}

/** @param {string} message */
function fail(message) {
  console.error(message)
  process.exit(1)
}
