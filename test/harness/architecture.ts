// Reads which file imports which, and says which imports go against the direction of the house.

import path from 'node:path'

/** The text of each source file by its path from the top, with `/`. */
export type Tree = ReadonlyMap<string, string>

interface Import {
  readonly from: string
  /** A path from the top for a file of the project, else the package as written. */
  readonly to: string
  readonly typeOnly: boolean
}

/** What the files at `from` may import of the project; the first row that fits a file is the one that counts. */
interface Rule {
  readonly from: RegExp
  readonly may: readonly RegExp[]
  /** Of these only types. */
  readonly mayTypes?: readonly RegExp[]
}

const anything = [/./]
const schema = /^schema\//
const shared = /^subgraphs\/(platform|log|shared)\//
const subgraphIndex = /^subgraphs\/[^/]+\/index\.ts$/

/** `$1` in `may` stands for what the group in `from` matched: a subgraph's own folder. */
const rules: readonly Rule[] = [
  // The commands wire the rooms together, and tests and benchmarks look into all of them.
  { from: /^gateway\/(main|cli\/generate)\.ts$|^(test|bench)\//, may: anything },
  // Only a demo knows the data set.
  {
    from: /^gateway\/app\/demo(-load)?\.ts$/,
    may: [/^gateway\/(?!main\.ts)/, /^dataset\//, subgraphIndex, shared, schema],
  },
  { from: /^gateway\//, may: [/^gateway\/(?!main\.ts)/, subgraphIndex, shared, schema] },
  { from: /^subgraphs\/(platform|log|shared)\//, may: [shared, schema] },
  { from: /^(subgraphs\/[^/]+)\/index\.ts$/, may: [/^$1\//, shared, schema] },
  { from: /^(subgraphs\/[^/]+)\/resolvers\.ts$/, may: [/^$1\/(?!index\.ts)/, shared, schema] },
  { from: /^(subgraphs\/[^/]+)\//, may: [/^$1\/(?!(index|resolvers)\.ts)/, shared, schema] },
  { from: /^schema\/qr\//, may: [/^schema\/qr\//] },
  { from: /^schema\//, may: [schema] },
  { from: /^dataset\//, may: [/^dataset\//, schema], mayTypes: [subgraphIndex, shared] },
  { from: /^portal\//, may: [/^portal\//] },
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

/** Rings of files that import each other, types included, each as `a → b → a`. */
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
