// The tables of README.md and bench/README.md, made from `bench/results`. `npm run generate` writes them
// into the pages.

import { readFileSync } from 'node:fs'
import type { Table } from '../gateway/cli/generated-sections.ts'
import { lastRows, short, type Row } from './report.ts'

/** The last run of one benchmark, as `report` has written it. */
class Results {
  readonly #name: string
  readonly #machine: string
  readonly #measuredAt: string
  readonly #rows: ReadonlyMap<string, Row>

  constructor(name: string) {
    const text = readFileSync(new URL(`results/${name}.json`, import.meta.url), 'utf8')
    const { rows, machine, measuredAt } = JSON.parse(text) as ResultsFile
    this.#name = name
    this.#machine = machine
    this.#measuredAt = measuredAt
    this.#rows = new Map(rows.map((row) => [row.what, row]))
  }

  /** Throws when the benchmark has no such row. */
  row(what: string): Row {
    const row = this.#rows.get(what)
    if (!row)
      throw new RangeError(`bench/results/${this.#name}.json has no row "${what}"; see bench/tables.ts`)
    return row
  }

  matching(pattern: RegExp): readonly Row[] {
    return [...this.#rows.values()].filter(({ what }) => pattern.test(what))
  }

  value(what: string): string {
    return short(this.row(what).value).replace('-', '−')
  }

  /** The value with its unit. */
  amount(what: string): string {
    return `${this.value(what)} ${this.row(what).unit.replace(/^\//, 'a ')}`
  }

  /** The hub’s value as a multiple of this one. */
  ratio(what: string): string {
    return short(this.row(what).ratio!)
  }

  /** For instance `["engine", "2026-11-23", "2 × Intel(R) Xeon(R) Processor, Node 24.21.0"]`. */
  get provenance(): readonly string[] {
    return [`\`${this.#name}\``, this.#measuredAt.slice(0, 10), this.#machine]
  }
}

interface ResultsFile {
  readonly measuredAt: string
  readonly machine: string
  readonly rows: readonly Row[]
}

/** Every table, by the name of its section in the pages. */
export function benchTables(): Record<string, Table> {
  const [engine, remote, growth, documents, walls, reads, payments, live, live10k, log, backlog, start] = [
    new Results('engine'),
    new Results('remote'),
    new Results('growth'),
    new Results('documents'),
    new Results('walls'),
    new Results('reads'),
    new Results('payments'),
    new Results('live'),
    new Results('live-10000'),
    new Results('log'),
    new Results('backlog'),
    new Results('start'),
  ]
  return {
    speed: speedTable(engine, reads, payments, live, log),
    engine: engineTable(engine, 'HTTP'),
    'engine-in-process': engineTable(engine, 'no network'),
    remote: remoteTable(remote),
    grouped: groupedTable(remote),
    growth: growthTable(growth),
    documents: documentsTable(documents),
    walls: wallsTable(walls),
    reads: readsTable(reads),
    payments: paymentsTable(payments),
    fanout: fanoutTable(live, live10k),
    latency: latencyTable(live, live10k),
    latencies: latenciesTable(live),
    streams: streamsTable(live),
    log: logTable(log),
    backlog: backlogTable(backlog),
    start: startTable(start),
    scale: scaleTable(),
    runs: {
      columns: ['benchmark', 'last run', 'machine'],
      rows: [
        engine,
        remote,
        growth,
        documents,
        walls,
        reads,
        payments,
        live,
        live10k,
        log,
        backlog,
        start,
      ].map(({ provenance }) => provenance),
    },
  }
}

/** The README’s: what the hub does, and the alternative that a reader would otherwise choose. */
function speedTable(engine: Results, reads: Results, payments: Results, live: Results, log: Results): Table {
  const joined = 'twenty payments by three subgraphs, HTTP'
  const submit = 'submitPayment, 64 in flight, no answers'
  const answered = 'submitPayment, 64 in flight, simulator answers'
  const row = (label: string, results: Results, what: string, peer: string, own = 'hub'): string[] => [
    label,
    results.value(`${what}: ${own}`),
    `${peer}: ${results.value(`${what}: ${peer}`)}`,
    `${results.ratio(`${what}: ${peer}`)} ×`,
  ]
  return {
    columns: ['a second', 'Crossgate', 'alternative', 'ratio'],
    rows: [
      row('queries that join three subgraphs, in memory', engine, joined, 'Apollo Gateway'),
      row('the same queries', engine, joined, 'joins by hand in Fastify'),
      row('payments read by id, on MongoDB', reads, 'one payment by id', 'Fastify and driver, by hand'),
      row('payments submitted, durable on MongoDB', payments, submit, bareInsert),
      row('the same payments', payments, submit, samePromises),
      row('payments submitted and answered', payments, answered, bareInsert),
      row('the same payments', payments, answered, samePromises),
      row('events delivered to 1,000 sockets', live, 'deliveries to 1000 sockets', 'mercurius subscriptions'),
      row(
        'events appended to the log',
        log,
        'events a second, sustained',
        'change stream, one by one',
        'sequencer',
      ),
    ],
  }
}

const requests = ['one merchant and its acquirer', 'twenty payments by three subgraphs', 'one participant']

function engineTable(engine: Results, how: 'HTTP' | 'no network'): Table {
  const peers = ['mercurius monolith with JIT', 'joins by hand in Fastify', 'Apollo Gateway', 'Hive Gateway']
  return {
    columns: ['request', 'hub, requests/s', ...peers.map((peer) => `÷ ${peer}`)],
    rows: requests.map((request) => [
      request,
      engine.value(`${request}, ${how}: hub`),
      ...peers.map((peer) => engine.ratio(`${request}, ${how}: ${peer}`)),
    ]),
  }
}

function remoteTable(remote: Results): Table {
  const peers = ['joins by hand with undici', 'Apollo Gateway', 'Hive Gateway']
  return {
    columns: ['request', 'hub, requests/s', ...peers.map((peer) => `÷ ${peer}`)],
    rows: requests.map((request) => [
      request,
      remote.value(`${request}, 32 in flight: hub`),
      ...peers.map((peer) => remote.ratio(`${request}, 32 in flight: ${peer}`)),
    ]),
  }
}

const groupedTable = (remote: Results): Table => ({
  columns: ['request, 64 in flight', 'requests/s', 'with calls of requests grouped'],
  rows: requests
    .slice(0, 2)
    .map((request) => [
      request,
      remote.value(`${request}, 64 in flight: hub`),
      remote.value(`${request}, 64 in flight: hub, calls of requests grouped`),
    ]),
})

function growthTable(growth: Results): Table {
  const subgraphs = [1, 2, 4, 8]
  return {
    columns: ['entities', ...subgraphs.map((count) => `from ${count}, p50`)],
    rows: [1, 10, 100, 1000].map((entities) => [
      String(entities),
      ...subgraphs.map((count) => growth.amount(`${entities} entities joined from ${count} subgraphs: p50`)),
    ]),
  }
}

const documentsTable = (documents: Results): Table => ({
  columns: ['what', 'value'],
  rows: documents.matching(/(?<!half of them)$/).map(({ what }) => [what, documents.amount(what)]),
})

const wallsTable = (walls: Results): Table => ({
  columns: ['figure', 'value', 'ratio', 'goal'],
  rows: walls
    .matching(/./)
    .map(({ what, ratio, goal }) => [
      what,
      walls.amount(what),
      ratio === null ? '' : `${short(ratio)} × ${walls.row(what).peer}`,
      goal ?? '',
    ]),
})

const readsTable = (reads: Results): Table => ({
  columns: ['request', 'hub, requests/s', 'Fastify and driver, by hand', 'ratio'],
  rows: ['one merchant by id', 'one payment by id', 'twenty payments, joined'].map((request) => {
    const peer = `${request}: Fastify and driver, by hand`
    return [request, reads.value(`${request}: hub`), reads.value(peer), reads.ratio(peer)]
  }),
})

/** The peers of `bench/payments`. */
const bareInsert = 'Fastify, a bare insertOne'
const samePromises = 'Fastify, the same promises by transactions'

function paymentsTable(payments: Results): Table {
  const peers = [bareInsert, samePromises]
  const names = ['hub', ...peers.map((peer) => peer.replace('Fastify, ', ''))]
  const submit = (label: string, what: string): string[][] => [
    [
      `payments a second, ${label}`,
      payments.value(`${what}: hub`),
      ...peers.map((peer) => payments.value(`${what}: ${peer}`)),
    ],
    [`the hub’s ÷ this, ${label}`, '–', ...peers.map((peer) => payments.ratio(`${what}: ${peer}`))],
    [`p99, ${label}`, ...names.map((name) => payments.amount(`${what}: ${name}, p99`))],
    ...['the service', 'MongoDB', 'the client'].map((part) => [
      `processor time of ${part} a payment, ${label}`,
      ...names.map((name) => payments.amount(`${what}: ${name}, processor time of ${part}`)),
    ]),
  ]
  const alone = (label: string, what: string): string[] => [label, payments.amount(what), '–', '–']
  const life = 'whole life, the simulator’s 30–80 ms included'
  return {
    columns: ['`submitPayment` for a quote, 64 in flight', 'hub', 'a bare `insertOne`', 'the same promises'],
    rows: [
      ...submit('no answers', 'submitPayment, 64 in flight, no answers'),
      ...submit('each answered by the simulator', 'submitPayment, 64 in flight, simulator answers'),
      alone('whole lives to COMPLETED', 'whole life to COMPLETED through the simulator'),
      alone('from submission to COMPLETED, p50', `${life}, p50`),
      alone('from submission to COMPLETED, p99', `${life}, p99`),
      alone('calls to MongoDB a payment', 'calls to MongoDB a payment, log and readers included'),
      alone('64 parallel uses of one key', '64 parallel uses of one key'),
      ...payments.matching(/^submitPayment with (\d+) payments stored$/).map(({ what }) => {
        const stored = Number(/\d+/.exec(what)![0]).toLocaleString('en')
        return alone(`payments a second with ${stored} stored`, what)
      }),
    ],
  }
}

const servers = ['hub', 'mercurius subscriptions', 'graphql-ws, executed per subscriber'] as const

function fanoutTable(live: Results, live10k: Results): Table {
  const row = (label: string, results: Results, what: string): string[] => [
    label,
    ...servers.map((server) => results.value(`${what}: ${server}`)),
  ]
  const perCpu = 'the same by the server’s processor time'
  return {
    columns: ['deliveries of events in memory', ...servers],
    rows: [
      row('1,000 sockets, a second', live, 'deliveries to 1000 sockets'),
      row('1,000 sockets, a second of processor time', live, perCpu),
      row('10,000 sockets, a second', live10k, 'deliveries to 10000 sockets'),
      row('10,000 sockets, a second of processor time', live10k, perCpu),
    ],
  }
}

/** A payment’s event at the hub, from the answer of `submitPayment`. */
function latencyTable(live: Results, live10k: Results): Table {
  const cell = (results: Results, sockets: number, to: string): string => {
    const what = `50,000 deliveries/s, an event to ${to} ${sockets} sockets, from submitPayment’s answer to arrival: hub`
    return `${results.value(`${what}, p50`)} and ${results.value(`${what}, p99`)} ms`
  }
  const row = (label: string, to: string): string[] => [label, cell(live, 1000, to), cell(live10k, 10000, to)]
  return {
    columns: ['50,000 deliveries a second, p50 and p99', '1,000 sockets', '10,000 sockets'],
    rows: [
      row('each event to all sockets', 'all'),
      row('each event to 400 sockets of its two participants', 'the payment’s two participants’ 400 of'),
    ],
  }
}

/** The same at 5,000 deliveries a second, beside other servers. */
function latenciesTable(live: Results): Table {
  const row = (label: string, from: string): string[] => [
    label,
    ...servers.map((server) => {
      const what = `5,000 deliveries/s, an event to all 1000 sockets, from ${from} to arrival: ${server}`
      return `${live.value(`${what}, p50`)} and ${live.value(`${what}, p99`)} ms`
    }),
  ]
  return {
    columns: ['5,000 deliveries a second to 1,000 sockets, p50 and p99', ...servers],
    rows: [
      row('from the answer of `submitPayment`', 'submitPayment’s answer'),
      row('from sending `submitPayment`', 'sending submitPayment'),
    ],
  }
}

function streamsTable(live: Results): Table {
  const row = (label: string, what: string): string[] => [label, live.amount(what)]
  const memory = 'heap and external memory per idle subscriber'
  return {
    columns: ['streams of the hub', 'value'],
    rows: [
      row('memory per idle subscriber', `${memory}: hub`),
      row('the same for graphql-ws', `${memory}: graphql-ws`),
      row(
        'p99 of the others while 100 of 1,000 clients do not read, ÷ p99 without such',
        'p99 of the others with a tenth stalled, ÷ that',
      ),
      row('unread bytes kept for each client that does not read', 'bytes that wait for each stalled client'),
      row(
        'events read a second when a client resumes 1,000,000 events back',
        'resuming 1,000,000 events ago: until live',
      ),
    ],
  }
}

function logTable(log: Results): Table {
  const row = (label: string, what: string): string[] => [
    label,
    log.amount(`${what}: sequencer`),
    log.amount(`${what}: change stream, one by one`),
  ]
  const latency = 'from commit to log, 100 payments a second'
  const alone = (label: string, what: string): string[] => [label, log.amount(what), '–']
  return {
    columns: ['the log', 'sequencer', 'change stream, one insert an event'],
    rows: [
      row('events a second, sustained', 'events a second, sustained'),
      row('from commit to log at 100 payments a second, p50', `${latency}, p50`),
      row('from commit to log at 100 payments a second, p99', `${latency}, p99`),
      alone(
        'while another process writes payments',
        'events a second, while another process writes payments',
      ),
      alone(
        'from the kill of the writer to the next entry, longest of 5',
        'takeover after a kill, to the first new entry (longest)',
      ),
    ],
  }
}

const backlogTable = (backlog: Results): Table => ({
  columns: ['reader', 'value'],
  rows: [/^entries/, /^webhooks/, /time of/, /^memory/].flatMap((kind) =>
    backlog.matching(kind).map(({ what }) => [what, backlog.amount(what)]),
  ),
})

const startTable = (start: Results): Table => ({
  columns: ['start', 'value'],
  rows: [
    ['first start to ready, 1 % of the programme loaded', start.amount('first start to ready, 1 % loaded')],
    ['later start to ready, median of 5', start.amount('later start to ready (median of 5)')],
    ['resident memory of the hub after 20 s idle', start.amount('resident memory of the hub, 20 s idle')],
  ],
})

/** Every figure at each scale that has been measured. */
function scaleTable(): Table {
  const byScale = ['0.01', '0.1', '1'].map(
    (scale) => new Map(lastRows(`scale-${scale}`).map((row) => [row.what.slice(`${scale}: `.length), row])),
  )
  const goalOf = ({ goal, ratio, peer }: Row): string => (ratio === null ? goal! : `${goal} × ${peer}`)
  return {
    columns: ['figure', '1 %', '10 %', '100 %', 'goal'],
    rows: [...new Set(byScale.flatMap((rows) => [...rows.keys()]))].map((what) => {
      const measured = byScale.map((rows) => rows.get(what))
      const withGoal = measured.findLast((row) => row?.goal)
      const cells = measured.map((row) => (row ? `${short(row.value)} ${row.unit}` : '–'))
      return [what, ...cells, withGoal ? goalOf(withGoal) : '']
    }),
  }
}
