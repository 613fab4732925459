// What the walls between callers cost per request, and what they keep from a good caller: its latency
// alone, beside a thousand bad requests a second and a caller at its limit, and beside the same attack on
// another hub of this machine. The latter is what the former is compared with: it wakes the processors as
// often, and takes as much of them, so what differs is what this hub lets one caller take from another.
//
// BENCH_SECONDS (default 12) is the length of one measurement of latency, BENCH_ROUNDS (default 5) their
// number: some five minutes in all.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline/promises'
import { fileURLToPath } from 'node:url'
import { queries } from '../engine/world.ts'
import { post } from '../http-client.ts'
import { serve, type Server } from '../load.ts'
import { median, quantile } from '../measure.ts'
import { openLoop } from '../open-loop.ts'
import { processorUsOf } from '../processor.ts'
import { report, row, type Row } from '../report.ts'
import { keys } from './keys.ts'

const seconds = Number(process.env['BENCH_SECONDS'] ?? 12)
const rounds = Number(process.env['BENCH_ROUNDS'] ?? 5)
const headers = { authorization: `Bearer ${keys[0]}` }
const server = new URL('serve.ts', import.meta.url)
/** Requests a second of the good caller: well below what the hub can answer. */
const goodPerSecond = 300
const badPerSecond = 1_000
const warmUpRounds = 10
/**
 * Servers of each kind, one after the other: what the engine makes of the same code, and where it puts it,
 * differs between two processes by more than the walls cost.
 */
const pairs = 4

export async function bench(): Promise<void> {
  report('walls', [...(await cost()), ...(await underAttack())])
}

/** Requests a second with the walls, as a share of those without, and the processor time that they add. */
async function cost(): Promise<Row[]> {
  const slices = queries.map(() => ({ walls: [] as Slice[], bare: [] as Slice[] }))
  for (let pair = 0; pair < pairs; pair++) {
    const servers = [await serve('walls', server, ['walls']), await serve('bare', server, ['bare'])] as const
    for (const [index, query] of queries.entries()) {
      const bodies = Array.from({ length: 64 }, (_, n) =>
        JSON.stringify({ query: query.document, variables: query.variables(n * 31) }),
      )
      for (let round = -warmUpRounds; round < rounds; round++) {
        const [walls, bare] = [await slice(servers[0], bodies), await slice(servers[1], bodies)]
        if (round < 0) continue
        slices[index]!.walls.push(walls)
        slices[index]!.bare.push(bare)
      }
    }
    await Promise.all(servers.map((one) => one.close()))
  }
  const rows: Row[] = []
  for (const [index, query] of queries.entries()) {
    const { walls, bare } = slices[index]!
    const ratio = median(walls.map(({ perSecond }, round) => perSecond / bare[round]!.perSecond))
    const perSecondOf = (all: readonly Slice[]): number => median(all.map(({ perSecond }) => perSecond))
    rows.push(
      row(`${query.name}: with keys, scopes, cost and limits`, perSecondOf(walls), 'requests/s'),
      row(`${query.name}: without`, perSecondOf(bare), 'requests/s', { ratio, peer: 'without' }, '≥ 0.92'),
      row(`${query.name}: processor time without`, processorUsIn(bare), 'µs'),
      row(`${query.name}: processor time that they add`, processorUsIn(walls) - processorUsIn(bare), 'µs'),
    )
  }
  return rows
}

/** What a server did in half a second. */
interface Slice {
  readonly requests: number
  readonly perSecond: number
  /** Of the server. */
  readonly processorUs: number
}

/** For each request. */
const processorUsIn = (slices: readonly Slice[]): number =>
  slices.reduce((sum, { processorUs }) => sum + processorUs, 0) /
  slices.reduce((sum, { requests }) => sum + requests, 0)

/**
 * Sends `bodies` for half a second. The client takes less time for a request than the server, so it is the
 * server that is measured.
 */
async function slice({ url, pid }: Server, bodies: readonly string[]): Promise<Slice> {
  const endAt = performance.now() + 500
  let n = 0
  const next = (): string | null => (performance.now() < endAt ? bodies[n++ % bodies.length]! : null)
  const beganAtUs = processorUsOf(pid)
  const { latencies, perSecond } = await post({ url, headers, connections: 32, next })
  return { requests: latencies.length, perSecond, processorUs: processorUsOf(pid) - beganAtUs }
}

async function underAttack(): Promise<Row[]> {
  // The caller at its limit gets some hundred operations a second, and 429 for the others. Its share of the
  // event loop is that of production.
  const limits = { KEY_COST_PER_MINUTE: '60000', LOOP_SHARE: '0.5' }
  const [hub, other] = [
    await serve('walls', server, ['walls'], limits),
    await serve('other', server, ['walls'], limits),
  ]
  const p99s: Record<'alone' | 'elsewhere' | 'attacked', number[]> = {
    alone: [],
    elsewhere: [],
    attacked: [],
  }
  let answers: Answers = {}
  await goodCaller(hub.url, 2)
  for (let round = 0; round < rounds; round++) {
    p99s.alone.push(await goodCaller(hub.url, seconds))
    for (const [name, { url }] of [
      ['elsewhere', other],
      ['attacked', hub],
    ] as const) {
      const attack = await attackOn(url, seconds + 1)
      p99s[name].push(await goodCaller(hub.url, seconds))
      answers = await attack.ended
    }
  }
  await Promise.all([hub.close(), other.close()])
  console.log(p99s, answers)
  const attackedTo = (name: 'alone' | 'elsewhere'): number =>
    median(p99s.attacked.map((p99, round) => p99 / p99s[name][round]!))
  return [
    row(`${goodPerSecond} good requests a second, p99 alone`, median(p99s.alone), 'ms'),
    row('the same beside the attack on another hub of the machine', median(p99s.elsewhere), 'ms'),
    row(`the same beside ${attackText}`, median(p99s.attacked), 'ms'),
    row('the third, as a multiple of the first', attackedTo('alone'), '×'),
    row('the third, as a multiple of the second', attackedTo('elsewhere'), '×', null, '≤ 1.3'),
  ]
}

const attackText = `${badPerSecond} bad requests a second and a caller at its limit`

/** The 99th percentile of the latency of a good caller, in milliseconds. */
async function goodCaller(url: string, length: number): Promise<number> {
  const { document, variables } = queries[0]
  const latencies = await openLoop({
    url,
    headers: { authorization: `Bearer ${keys[10]}` },
    perSecond: goodPerSecond,
    seconds: length,
    body: (n) => JSON.stringify({ query: document, variables: variables(n) }),
  })
  return quantile(latencies, 0.99)
}

/** How many requests were answered how. */
type Answers = Readonly<Record<string, number>>

/** Resolves when the attack has begun. Its end rejects when it has sent too little. */
async function attackOn(url: string, length: number): Promise<{ ended: Promise<Answers> }> {
  const attack = fileURLToPath(new URL('attack.ts', import.meta.url))
  const child = spawn(process.execPath, [attack, url, String(badPerSecond), String(length)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  process.once('exit', () => child.kill('SIGKILL'))
  const lines = createInterface(child.stdout)
  const failed = once(child, 'close').then(() => {
    throw new Error('the attack ended too early')
  })
  await Promise.race([once(lines, 'line'), failed])
  const ended = Promise.race([once(lines, 'line'), failed]).then(([line]) => {
    const { sent, answers } = JSON.parse(line as string) as { sent: number; answers: Answers }
    if (sent < badPerSecond * length * 0.95) throw new Error(`only ${sent} bad requests were sent`)
    return answers
  })
  return { ended }
}
