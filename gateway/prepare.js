// Installs missing packages, Node 24 included, and builds the portal: before npm's start, test, check and
// bench. Plain JavaScript without dependencies: the machine's own Node runs it, and node_modules may be
// empty.

import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const modules = path.join(root, 'node_modules')
const binaries = path.join(modules, '.bin')
const stamp = path.join(modules, '.crossgate-installed')
const majorMin = 24

const lock = readFileSync(path.join(root, 'package-lock.json'), 'utf8')
const hash = createHash('sha256').update(lock).digest('hex')
if (read(stamp) !== hash) {
  if (!isInstalled()) install()
  checkNode()
  writeFileSync(stamp, hash)
}
buildPortal()

/** Whether node_modules already contains the packages of package-lock.json, for instance after `npm ci`. */
function isInstalled() {
  const { packages: installed } = JSON.parse(read(path.join(modules, '.package-lock.json')) || '{}')
  if (!installed) return false
  return Object.entries(JSON.parse(lock).packages).every(([folder, { version, optional }]) => {
    const isRoot = folder === ''
    return isRoot || (installed[folder] ? installed[folder].version === version : optional)
  })
}

function install() {
  console.log('Installing the packages of package-lock.json into node_modules: this takes about a minute')
  // `npm ci` refuses a lock that lacks the builds of some platforms, as one from a partial mirror does.
  // `--no-save` leaves the lock unchanged. Another Node runs npm, because the one in node_modules may be
  // replaced.
  const folders = process.env.PATH.split(path.delimiter).filter((folder) => folder !== binaries)
  const { status, error } = spawnSync('npm', ['install', '--no-save', '--include=dev', '--loglevel=error'], {
    cwd: root,
    env: { ...process.env, PATH: folders.join(path.delimiter) },
    stdio: ['ignore', 'inherit', 'inherit'],
  })
  if (error) fail(`npm could not be run: ${error.message}`)
  if (status !== 0) fail('npm install failed: fix what it reports above, and try again')
  if (!isInstalled())
    fail('npm installed other packages than package-lock.json names: remove node_modules, and try again')
}

/**
 * Checks the Node that runs the scripts. npm puts node_modules/.bin first on the PATH: else it is this one.
 */
function checkNode() {
  const bundled = path.join(binaries, 'node')
  const command = existsSync(bundled) ? bundled : process.execPath
  const { stdout, error } = spawnSync(command, ['--version'], { encoding: 'utf8' })
  const version = error ? error.message : stdout.trim()
  if (parseInt(version.replace('v', ''), 10) >= majorMin) return
  fail(
    `Node ${majorMin} is needed, and ${command} gives: ${version}. The package "node" brings it where its install script ` +
      'may run: remove node_modules, set npm config ignore-scripts to false, and try again, or install Node yourself',
  )
}

/** Builds the portal when its sources have changed. Without it a hub serves all but its pages. */
function buildPortal() {
  const bundled = path.join(binaries, 'node')
  const command = existsSync(bundled) ? bundled : process.execPath
  const { status } = spawnSync(command, [path.join(root, 'portal/build.ts')], {
    stdio: ['ignore', 'inherit', 'inherit'],
  })
  if (status !== 0) fail('the portal could not be built: see the lines above')
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
