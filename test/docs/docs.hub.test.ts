// Runs what the README and the guide show, page by page, and compares what they show with what a hub answers.

import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, test, vi } from 'vitest'
import { freshDatabase, freshFolder } from '../harness/mongo.ts'
import { testHub } from '../hub/hub.ts'
import { freePort } from './free-port.ts'
import { asShown, blocksOf, hasLines, isRefused, jsonIn, typesOf, type Block } from './page.ts'
import { root } from './root.ts'
import { Shell, waiting } from './shell.ts'

/** In an order in which none changes what a later one shows: the operator's page changes rates and terms. */
const pages = [
  'README.md',
  'docs/guide/pay.md',
  'docs/guide/live.md',
  'docs/guide/webhooks.md',
  'docs/guide/counterparty.md',
  'docs/guide/portal.md',
  'docs/guide/pages.md',
  'docs/guide/settlement.md',
  'docs/guide/backup.md',
  'docs/guide/containers.md',
  'docs/guide/add-a-subgraph.md',
  'docs/guide/join-a-subgraph.md',
  'docs/guide/standalone-gateway.md',
  'docs/guide/operator.md',
  'docs/guide/production.md',
  'docs/guide/analyst.md',
]

const hub = await testHub()
const emptyHub = await testHub(await freshDatabase(), { MODE: 'production' })

/** Runs the blocks of a page in order, and compares every output that the page shows. */
async function expectPage(blocks: readonly Block[], shell: Shell): Promise<void> {
  let output = ''
  let stream = (): string => ''
  for (const [n, block] of blocks.entries()) {
    const at = `line ${block.line}`
    if (block.language === 'sh') {
      if (block.role === 'no-run') continue
      if (block.role === 'stream') stream = await shell.start(block.text)
      else {
        output = await shell.run(block.text)
        const shown = outputsAfter(blocks, n)
        if (shown.length === 0) expect(isRefused(output), `${at}: ${output}`).toBe(false)
        else compareJson(output, shown)
      }
    }
    if (block.language === 'text' && block.role === 'output')
      expect(hasLines(output, block.text), `${at}: ${output}`).toBe(true)
    if (block.language === 'text' && block.role === 'stream') {
      await vi
        .waitUntil(() => hasLines(stream(), block.text), waiting)
        .catch(() => {
          throw new Error(`${at} is not in the output of the stream:\n${stream()}`)
        })
    }
  }
}

/** The outputs that the page shows of the shell block at `index`. */
function outputsAfter(blocks: readonly Block[], index: number): readonly Block[] {
  const rest = blocks.slice(index + 1)
  const next = rest.findIndex(({ language }) => language === 'sh')
  return rest
    .slice(0, next < 0 ? undefined : next)
    .filter(({ language, role }) => language === 'json' || role === 'output')
}

function compareJson(output: string, shown: readonly Block[]): void {
  const blocks = shown.filter(({ language }) => language === 'json')
  const found = jsonIn(output).slice(-blocks.length)
  for (const [n, { line, role, text }] of blocks.entries()) {
    const expected: unknown = JSON.parse(text)
    if (role === 'figures') expect(typesOf(found[n]), `line ${line}`).toEqual(typesOf(expected))
    else expect(asShown(found[n], expected), `line ${line}`).toEqual(expected)
  }
}

describe('the documentation', () => {
  test('has every page of the guide in the list above', () => {
    const guide = readdirSync(path.join(root, 'docs/guide')).map((name) => `docs/guide/${name}`)
    expect(pages.filter((page) => page.startsWith('docs/guide/')).toSorted()).toEqual(guide.toSorted())
  })

  test.each(pages)('%s shows what happens', { timeout: 60_000 }, async (page) => {
    const [port, otherPort] = [String(await freePort()), String(await freePort())]
    const { url, database } = page.endsWith('/production.md') ? emptyHub : hub
    const markdown = readFileSync(path.join(root, page), 'utf8')
      .replaceAll('http://127.0.0.1:4000', url)
      .replaceAll(/\b9000\b/g, port)
      .replaceAll(/\b9001\b/g, otherPort)
      // The shell finds the same Node without the second that npx takes.
      .replaceAll('npx node', 'node')
    const shell = new Shell(freshFolder(), {
      HUB: url,
      MONGODB_URI: database.uri,
      MONGODB_DATABASE: database.name,
    })
    try {
      await expectPage(blocksOf(markdown), shell)
    } finally {
      await shell.close()
    }
  })

  test.each(pages)('%s marks few blocks as not run', (page) => {
    const blocks = blocksOf(readFileSync(path.join(root, page), 'utf8'))
    expect(blocks.filter(({ role }) => role === 'no-run').length).toBeLessThanOrEqual(3)
  })
})
