// Draws `payment-seen-live.svg` from a real run of two examples, beside `npm start`:
//   npx node docs/images/draw.ts [HUB]

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createInterface } from 'node:readline'

const root = path.join(import.meta.dirname, '../..')
const [hub = 'http://127.0.0.1:4000'] = process.argv.slice(2)

function example(name: string, ...args: string[]) {
  const child = spawn(process.execPath, [path.join(root, 'examples', name), hub, ...args])
  child.stderr.pipe(process.stderr)
  return { child, lines: createInterface({ input: child.stdout })[Symbol.asyncIterator]() }
}

/** Runs both examples; resolves with the lines that each has printed. */
async function run(): Promise<{ paid: string[]; followed: string[] }> {
  const folder = mkdtempSync(path.join(tmpdir(), 'crossgate-'))
  const following = example('follow.ts', path.join(folder, 'events.jsonl'))
  const followed = [(await following.lines.next()).value as string]
  const paying = example('pay.ts')
  const paid: string[] = []
  for await (const line of { [Symbol.asyncIterator]: () => paying.lines }) paid.push(line)
  while (!followed.at(-1)!.includes('COMPLETED'))
    followed.push((await following.lines.next()).value as string)
  following.child.kill()
  await once(following.child, 'close')
  rmSync(folder, { recursive: true })
  return { paid, followed }
}

interface Line {
  readonly text: string
  readonly color: 'prompt' | 'plain' | 'dim' | 'good'
}

const colors = { prompt: '#7dd3fc', plain: '#e2e8f0', dim: '#94a3b8', good: '#86efac' } as const
const characterWidth = 7.83
const lineHeight = 22
const columns = 54
const padding = 20
const headHeight = 40
const gap = 16
const panelWidth = Math.round(columns * characterWidth + 2 * padding)

const escaped = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')

/** One terminal, with its own dark background: it is readable on light and on dark pages. */
function terminal(title: string, lines: readonly Line[], x: number, height: number): string {
  const dots = ['#f87171', '#fbbf24', '#4ade80'].map(
    (fill, n) => `<circle cx="${padding + 4 + n * 18}" cy="20" r="5.5" fill="${fill}"/>`,
  )
  const rows = lines.map(({ text, color }, n) => {
    const y = headHeight + padding + 8 + n * lineHeight
    return `<text x="${padding}" y="${y}" fill="${colors[color]}" xml:space="preserve">${escaped(text)}</text>`
  })
  return [
    `<g transform="translate(${x} 1)">`,
    `<rect width="${panelWidth}" height="${height}" rx="10" fill="#0f172a" stroke="#475569"/>`,
    `<path d="M0 ${headHeight}H${panelWidth}" stroke="#334155"/>`,
    ...dots,
    `<text x="${panelWidth / 2}" y="25" text-anchor="middle" fill="${colors.dim}">${escaped(title)}</text>`,
    ...rows,
    '</g>',
  ].join('\n')
}

function draw({ paid, followed }: { paid: readonly string[]; followed: readonly string[] }): string {
  const left = [
    { text: '$ npx node examples/pay.ts', color: 'prompt' },
    ...paid.map((text) => ({ text, color: 'plain' })),
  ] as Line[]
  const [connected, ...events] = followed
  const right = [
    { text: '$ npx node examples/follow.ts', color: 'prompt' },
    { text: connected, color: 'dim' },
    ...events.map((text) => ({ text, color: text.startsWith('COMPLETED') ? 'good' : 'plain' })),
  ] as Line[]
  const height = headHeight + 2 * padding + Math.max(left.length, right.length) * lineHeight - 6
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${2 * panelWidth + gap + 2} ${height + 2}" role="img">
<title>A payment in one terminal, and its events in another</title>
<style>text { font: 13px ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace }</style>
${terminal('a wallet pays', left, 1, height)}
${terminal('the acquirer of the merchant follows', right, panelWidth + gap + 1, height)}
</svg>
`
}

writeFileSync(path.join(import.meta.dirname, 'payment-seen-live.svg'), draw(await run()))
