// Builds the portal into `.data/portal`, from where the hub serves it. Does nothing when the sources are
// those of the last build.

import { createHash } from 'node:crypto'
import { existsSync, globSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'

const root = fileURLToPath(new URL('.', import.meta.url))
const output = path.join(root, '../.data/portal')
const stamp = path.join(output, 'sources.sha256')
/** Smaller files are sent as they are. */
const compressedFrom = 1_000

const sources = hashOfSources()
if (!existsSync(stamp) || readFileSync(stamp, 'utf8') !== sources) await buildPortal()

function hashOfSources(): string {
  const hash = createHash('sha256')
  const files = globSync('**/*.{ts,svelte,css,html,svg}', { cwd: root }).toSorted()
  for (const file of [...files, '../package-lock.json'])
    hash.update(file).update(readFileSync(path.join(root, file)))
  return hash.digest('hex')
}

/** Builds beside the last build and takes its place at the end, so that a hub never serves half of one. */
async function buildPortal(): Promise<void> {
  const [{ build }, { svelte }] = await Promise.all([import('vite'), import('@sveltejs/vite-plugin-svelte')])
  const fresh = `${output}-${process.pid}`
  await build({
    configFile: false,
    root,
    logLevel: 'warn',
    plugins: [svelte({ configFile: false })],
    build: {
      outDir: fresh,
      emptyOutDir: true,
      target: 'es2023',
      modulePreload: { polyfill: false },
      assetsInlineLimit: 0,
      reportCompressedSize: false,
      chunkSizeWarningLimit: 2_000,
      manifest: true,
    },
  })
  for (const file of globSync('**/*.{js,css,json,svg,wasm}', { cwd: fresh })) {
    const content = readFileSync(path.join(fresh, file))
    if (content.length >= compressedFrom) writeFileSync(path.join(fresh, `${file}.gz`), gzipSync(content))
  }
  writeFileSync(path.join(fresh, 'sources.sha256'), sources)
  rmSync(output, { recursive: true, force: true })
  renameSync(fresh, output)
}
