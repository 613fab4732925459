// Reads which file imports which, and lists the imports that point against the order of the rooms.

import path from 'node:path'

/** The text of each source file by its path from the top, with `/`. */
export type Tree = ReadonlyMap<string, string>

interface Import {
  readonly from: string
  /** A path from the top for a file of the project, else the package as written. */
  readonly to: string
  readonly typeOnly: boolean
}

/**
 * What the files at `from` may import of the project; the first row that fits a file is the one that
 * counts.
 */
interface Rule {
  readonly from: RegExp
  readonly may: readonly RegExp[]
  /** Of these only types. */
  readonly mayTypes?: readonly RegExp[]
}

const anything = [/./]

/** The floors below the subgraphs, from the ground up: each may import those before it. */
const floors = ['platform', 'log', 'shared']
/** The rooms of the transaction subgraph, from the ground up: each may import those before it. */
const transactionRooms = [
  'price',
  'payment',
  'store',
  'log',
  'settlement',
  'live',
  'service',
  'query',
  'webhooks',
  'outlet',
  'counterparty',
]
/** The rooms of the gateway, from the ground up: each may import those before it. */
const gatewayRooms = [
  'supergraph',
  'protocol',
  'telemetry',
  'identity',
  'live',
  'mongod',
  'config',
  'joining',
  'http',
  'app',
  'conformance',
  'cli',
]

const schema = /^schema\//
const shared = /^subgraphs\/(platform|log|shared)\//
const subgraphIndex = /^subgraphs\/[^/]+\/index\.ts$/
/** What a load of the data set imports, each thread of which has its own modules in memory. */
const subgraphImport = /^subgraphs\/[^/]+\/import\.ts$/

/**
 * One rule a room: its own files, the rooms before it in `order`, and what all rooms of that house may
 * import.
 */
const inOrder = (house: string, order: readonly string[], all: readonly RegExp[]): Rule[] =>
  order.map((room, n) => ({
    from: new RegExp(`^${house}/${room}/`),
    may: [new RegExp(`^${house}/(${order.slice(0, n + 1).join('|')})/`), ...all],
  }))

/** `$1` in `may` stands for what the group in `from` matched: a subgraph's own folder. */
const rules: readonly Rule[] = [
  // The commands wire the rooms together, and tests and benchmarks import all of them.
  { from: /^gateway\/(main|cli\/generate)\.ts$|^(test|bench)\//, may: anything },
  { from: /^gateway\/prepare\.js$/, may: [/^gateway\/told\.js$/] },
  // Only a demo reads the data set.
  {
    from: /^gateway\/app\/demo(-load(-hand)?)?\.ts$/,
    may: [/^gateway\/(?!main\.ts)/, /^dataset\//, subgraphIndex, subgraphImport, shared, schema],
  },
  // Commands need the migrations without the subgraphs.
  { from: /^gateway\/app\/migrations\.ts$/, may: [subgraphImport, shared] },
  // The engine is a product of its own.
  { from: /^gateway\/supergraph\//, may: [/^gateway\/supergraph\//] },
  // What checks the product imports nothing of it.
  { from: /^gateway\/verify\//, may: [/^gateway\/verify\//] },
  {
    from: /^gateway\/cli\/verify\.ts$/,
    may: [/^gateway\/(verify|mongod|config)\//, /^gateway\/cli\/run\.ts$/],
  },
  ...inOrder('gateway', gatewayRooms, [subgraphIndex, shared, schema]),
  ...inOrder('subgraphs', floors, [schema]),
  ...inOrder('subgraphs/transaction', transactionRooms, [shared, schema]),
  // The entry of a process of its own.
  { from: /^(subgraphs\/[^/]+)\/main\.ts$/, may: [/^$1\//, shared, schema] },
  { from: /^(subgraphs\/[^/]+)\/index\.ts$/, may: [/^$1\//, shared, schema] },
  { from: /^(subgraphs\/[^/]+)\/resolvers\.ts$/, may: [/^$1\/(?!index\.ts)/, shared, schema] },
  { from: /^(subgraphs\/[^/]+)\//, may: [/^$1\/(?!(index|resolvers)\.ts)/, shared, schema] },
  { from: /^schema\/qr\//, may: [/^schema\/qr\//] },
  { from: /^schema\//, may: [schema] },
  { from: /^dataset\//, may: [/^dataset\//, schema], mayTypes: [subgraphIndex, shared] },
  // Clients like any other: of the hub they import the types of the API alone.
  { from: /^examples\//, may: [/^examples\//], mayTypes: [/^schema\/generated\//] },
  { from: /^portal\//, may: [/^portal\//], mayTypes: [/^schema\/generated\//] },
]

/** Imports that are against the rules, each as `from → to`. */
export function wrongDirections(tree: Tree): string[] {
  return [...imports(tree)].filter((each) => tree.has(each.to) && !isAllowed(each)).map(asText)
}

function isAllowed({ from, to, typeOnly }: Import): boolean {
  const rule = rules.find((each) => each.from.test(from))
  if (!rule) return false
  const own = rule.from.exec(from)![1] ?? ''
  const fits = (pattern: RegExp) => new RegExp(pattern.source.replace('$1', own)).test(to)
  return rule.may.some(fits) || (typeOnly && (rule.mayTypes ?? []).some(fits))
}

/** Pairs of folders that import each other, types included, each as `a ⇄ b`. */
export function mutualFolders(tree: Tree): string[] {
  const folderOf = path.posix.dirname
  const arrows = new Set(
    [...imports(tree)]
      .filter(({ to }) => tree.has(to))
      .map(({ from, to }) => `${folderOf(from)} → ${folderOf(to)}`),
  )
  return [...arrows].flatMap((arrow) => {
    const [from = '', to = ''] = arrow.split(' → ')
    return from < to && arrows.has(`${to} → ${from}`) ? [`${from} ⇄ ${to}`] : []
  })
}

/** Cycles of imports, types included, each as `a → b → a`. */
export function cycles(tree: Tree): string[] {
  const next = Map.groupBy(imports(tree), ({ from }) => from)
  const found: string[] = []
  const done = new Set<string>()
  const follow = (file: string, trail: readonly string[]) => {
    const start = trail.indexOf(file)
    if (start >= 0) found.push([...trail.slice(start), file].join(' → '))
    if (start >= 0 || done.has(file)) return
    for (const { to } of next.get(file) ?? []) follow(to, [...trail, file])
    done.add(file)
  }
  for (const file of tree.keys()) follow(file, [])
  return found
}

/** What a test file needs besides its own process, and the endings of file names that declare it. */
const needs = [
  { suffix: '.browser.test.ts', anyOf: ['test/portal/browser.ts'] },
  {
    suffix: '.hub.test.ts',
    anyOf: ['gateway/http/server.ts', 'gateway/mongod/start.ts', 'test/hub/child.ts'],
  },
  { suffix: '.mongo.test.ts', anyOf: ['test/harness/mongo.ts'] },
  { suffix: '.test.ts', anyOf: [] },
]

/** Test files whose name does not give the project that they need, each as `file → *.mongo.test.ts`. */
export function misnamedTests(tree: Tree): string[] {
  const next = Map.groupBy(imports(tree), ({ from }) => from)
  return [...tree.keys()]
    .filter((file) => file.endsWith('.test.ts'))
    .flatMap((file) => {
      const reached = reachable(file, next)
      const wanted = needs.find(({ anyOf }) => anyOf.length === 0 || anyOf.some((each) => reached.has(each)))!
      const named = needs.find(({ suffix }) => file.endsWith(suffix))!
      return named === wanted ? [] : [`${file} → *${wanted.suffix}`]
    })
}

/** The files that run when `file` runs: itself and what it imports, directly or not; types do not run. */
function reachable(file: string, next: ReadonlyMap<string, readonly Import[]>): Set<string> {
  const found = new Set([file])
  for (const each of found) for (const { to, typeOnly } of next.get(each) ?? []) if (!typeOnly) found.add(to)
  return found
}

const asText = ({ from, to }: Import) => `${from} → ${to}`

/** Statements begin a line, as prettier leaves them; `import('…')` may stand anywhere, in types too. */
const statement = /^(?:import|export)(\s+type\b)?\s(?:[^'"`;]*?\sfrom\s)?\s*'([^']+)'/gm
const call = /(\btypeof\s+)?\bimport\(\s*'([^']+)'/g

function* imports(tree: Tree): Generator<Import> {
  for (const [from, text] of tree) {
    for (const [, type, specifier] of [...text.matchAll(statement), ...text.matchAll(call)]) {
      const isPath = specifier!.startsWith('.')
      const to = isPath ? path.posix.join(path.posix.dirname(from), specifier!) : specifier!
      yield { from, to, typeOnly: type !== undefined }
    }
  }
}
