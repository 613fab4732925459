// Installs missing packages, Node 24 where the machine has an older one, and builds the portal: before npm's
// test, check and bench. `start` leaves out the packages for development, and builds a first portal while the
// hub starts. `packages` leaves them out too, `development` does not, and neither builds. Plain JavaScript
// without dependencies: the machine's own Node runs it, and node_modules may be empty.

import { spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { runTold } from './told.js'

const root = fileURLToPath(new URL('..', import.meta.url))
const modules = path.join(root, 'node_modules')
const binaries = path.join(modules, '.bin')
const stamp = path.join(modules, '.crossgate-installed')
const portal = path.join(root, '.data/portal')
const majorMin = 24
/** A first installation takes a minute. */
const installWithinMs = 300_000
const triesMax = 3
const buildWithinMs = 120_000
/** A first start is never silent for longer. */
const tellEveryMs = 4_000

const lockFile = path.join(root, 'package-lock.json')
// An image of a container has the packages, and no lock to compare them with.
if (!existsSync(lockFile)) process.exit(0)
const lock = readFileSync(lockFile, 'utf8')
const hash = createHash('sha256').update(lock).digest('hex')
const [, , purpose = 'build'] = process.argv
const needsAll = purpose === 'build' || purpose === 'development'
if (read(stamp) !== hash && (needsAll || !isInstalled({ development: false }))) {
  if (!isInstalled({ development: needsAll })) await install()
  checkNode()
  if (isInstalled({ development: true })) writeFileSync(stamp, hash)
}
// A hub keeps serving the build that it has found, so only a first one may come later.
if (purpose === 'start' && !existsSync(portal)) buildPortalBeside()
else if (purpose === 'start' || purpose === 'build') await buildPortal()

/**
 * Whether node_modules already contains the packages of package-lock.json, for instance after `npm ci`.
 *
 * @param {{ development: boolean }} which Whether also those for development.
 */
function isInstalled({ development }) {
  const { packages: installed } = JSON.parse(read(path.join(modules, '.package-lock.json')) || '{}')
  if (!installed) return false
  return Object.entries(JSON.parse(lock).packages).every(
    ([folder, { version, optional, dev, devOptional }]) => {
      if (folder === '') return true
      if (installed[folder]) return installed[folder].version === version
      return optional || (!development && (dev || devOptional))
    },
  )
}

async function install() {
  // Another Node runs npm, because the one in node_modules may be replaced.
  const folders = process.env.PATH.split(path.delimiter).filter((folder) => folder !== binaries)
  const env = { ...process.env, PATH: folders.join(path.delimiter) }
  const { stdout } = spawnSync('node', ['--version'], { env, encoding: 'utf8' })
  const isNewEnough = majorOf(stdout ?? '') >= majorMin
  // The package `node` is one of those for development; and what is installed already stays.
  const all = needsAll || !isNewEnough || existsSync(stamp)
  console.log('Installing the packages of package-lock.json into node_modules: this takes up to a minute')
  if (!isNewEnough) console.log(`This machine has Node ${stdout?.trim()}: Node ${majorMin} comes with them`)
  // `npm ci` refuses a lock that lacks the builds of some platforms, as one from a partial mirror does.
  // `--no-save` leaves the lock unchanged. The only script that is needed is the one that downloads Node.
  const args = ['install', '--no-save', all ? '--include=dev' : '--omit=dev', '--loglevel=error']
  if (isNewEnough) args.push('--ignore-scripts')
  const failure = await runTold('npm', args, {
    name: 'npm install',
    cwd: root,
    env,
    withinMs: installWithinMs,
    triesMax,
    tellEveryMs,
    tell: (line) => console.log(line),
  })
  if (failure !== null) fail(`npm install ${failure}: fix what is reported above, and try again`)
  if (!isInstalled({ development: all }))
    fail('npm installed other packages than package-lock.json names: remove node_modules, and try again')
}

/** @param {string} version such as "v24.1.0"; NaN where there is none */
function majorOf(version) {
  return parseInt(version.replace('v', ''), 10)
}

/**
 * Checks the Node that runs the scripts. npm puts node_modules/.bin first on the PATH: else it is this one.
 */
function checkNode() {
  const bundled = path.join(binaries, 'node')
  const command = existsSync(bundled) ? bundled : process.execPath
  const { stdout, error } = spawnSync(command, ['--version'], { encoding: 'utf8' })
  const version = error ? error.message : stdout.trim()
  if (majorOf(version) >= majorMin) return
  fail(
    `Node ${majorMin} is needed, and ${command} gives: ${version}. The package "node" brings it where its install script ` +
      'may run: remove node_modules, set npm config ignore-scripts to false, and try again, or install Node yourself',
  )
}

/** Builds the portal when its sources have changed. Without it a hub serves all but its pages. */
async function buildPortal() {
  const bundled = path.join(binaries, 'node')
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

/** This file again, as a process that the start of the hub does not wait for, with the same bounds. */
function buildPortalBeside() {
  const self = fileURLToPath(import.meta.url)
  spawn(process.execPath, [self], { stdio: ['ignore', 'inherit', 'inherit'], detached: true }).unref()
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
