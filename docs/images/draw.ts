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

/** A line of a terminal; `at` is the second at which it appears. */
interface Line {
  readonly text: string
  readonly color: 'prompt' | 'plain' | 'dim' | 'good'
  readonly at: number
}

const colors = { prompt: '#7dd3fc', plain: '#e2e8f0', dim: '#94a3b8', good: '#86efac' } as const
const characterWidth = 7.83
const lineHeight = 22
const columns = 58
const padding = 20
const headHeight = 40

const escaped = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')

function terminal(title: string, lines: readonly Line[], x: number, height: number): string {
  const width = columns * characterWidth + 2 * padding
  const dots = ['#f87171', '#fbbf24', '#4ade80']
    .map((fill, n) => `<circle cx="${padding + 4 + n * 18}" cy="20" r="5.5" fill="${fill}"/>`)
    .join('')
  const rows = lines.map(({ text, color, at }, n) => {
    const y = headHeight + padding + 6 + n * lineHeight
    const style = `animation-delay:${at.toFixed(1)}s`
    return `<text x="${padding}" y="${y}" fill="${colors[color]}" class="line" style="${style}" xml:space="preserve">${escaped(text)}</text>`
  })
  return [
    `<g transform="translate(${x} 1)">`,
    `<rect width="${width}" height="${height}" rx="10" fill="#0f172a" stroke="#475569"/>`,
    `<path d="M0 ${headHeight}H${width}" stroke="#334155"/>`,
    dots,
    `<text x="${width / 2}" y="25" text-anchor="middle" fill="${colors.dim}">${escaped(title)}</text>`,
    ...rows,
    '</g>',
  ].join('\n')
}

/** Splits a line where the terminal would wrap it. */
const wrapped = (text: string): string[] => text.match(new RegExp(`.{1,${columns}}`, 'g')) ?? ['']

function draw({ paid, followed }: { paid: readonly string[]; followed: readonly string[] }): string {
  const [connected, ...events] = followed
  const left: Line[] = [
    { text: '$ npx node examples/pay.ts', color: 'prompt', at: 0.6 },
    ...paid.flatMap((text, n) =>
      wrapped(text).map((part): Line => ({ text: part, color: 'plain', at: 1.2 + n * 0.6 })),
    ),
  ]
  const paidAt = left.at(-1)!.at
  const right: Line[] = [
    { text: '$ npx node examples/follow.ts', color: 'prompt', at: 0 },
    { text: connected!, color: 'dim', at: 0.4 },
    ...events.flatMap((text, n) => eventLines(text, paidAt + 0.2 + n * 0.5)),
  ]
  const panel = columns * characterWidth + 2 * padding
  const height = headHeight + padding + Math.max(left.length, right.length) * lineHeight + padding - 6
  const width = 2 * panel + 18
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${Math.ceil(width)} ${height + 2}" role="img">
<title>A payment in one terminal, and its events in another</title>
<style>
text { font: 13px ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace }
.line { animation: appear 0.3s both }
@keyframes appear { from { opacity: 0 } }
@media (prefers-reduced-motion: reduce) { .line { animation: none } }
</style>
${terminal('a wallet pays', left, 1, height)}
${terminal('its acquirer follows', right, panel + 17, height)}
</svg>
`
}

/** An event as two lines: its status, and what the graph has joined to it. */
function eventLines(text: string, at: number): Line[] {
  const color = text.includes('COMPLETED') ? 'good' : 'plain'
  return wrapped(text).map((part) => ({ text: part, color, at }))
}

writeFileSync(path.join(import.meta.dirname, 'payment-seen-live.svg'), draw(await run()))
