// Writes `schema/generated` and the generated sections of Markdown pages. With `--check` it only compares
// them. A tool, and not a part of the hub: it may import every room.

import { readFileSync, writeFileSync } from 'node:fs'
import { minifyIntrospection, outputIntrospectionFile } from '@gql.tada/internal'
import { buildSchema, introspectionFromSchema, lexicographicSortSchema, printSchema } from 'graphql'
import { benchTables } from '../../bench/tables.ts'
import { problems, refuse, type ProblemCode } from '../../schema/values/problems.ts'
import { reasons } from '../../schema/values/reasons.ts'
import { scopes } from '../../schema/values/scopes.ts'
import { subgraphSdl, type SubgraphName } from '../../subgraphs/shared/subgraph.ts'
import { missingRules } from '../../subgraphs/shared/visibility.ts'
import { isFinal, transitions } from '../../subgraphs/transaction/payment/lifecycle.ts'
import { describeSettings } from '../config/config.ts'
import { composeJoined } from '../joining/composition.ts'
import { fileWithOffers, headOf, ownSubgraphs, readOffers } from '../joining/own-graph.ts'
import { httpErrors } from '../protocol/http-error.ts'
import { apiSdl, composeSupergraph, type SubgraphSdl } from '../supergraph/compose.ts'
import { engineCodes } from '../supergraph/errors.ts'
import { postmanCollection } from './collection.ts'
import { withSections, type Table } from './generated-sections.ts'
import { accessRules, referencePage, type ReferenceTable } from './reference-page.ts'

const subgraphs: readonly SubgraphName[] = ['participant', 'merchant', 'transaction', 'analytics']

/** Throws for a field that has no rule about its readers. */
async function generateSchema(): Promise<Record<string, string>> {
  const missing = subgraphs.flatMap((name) => missingRules(subgraphSdl(name)))
  if (missing.length > 0) throw new TypeError(missing.join('\n'))
  const own = ownSubgraphs()
  const supergraph = composeSupergraph(own)
  const api = buildSchema(apiSdl(supergraph))
  return {
    'schema/generated/supergraph.graphql': `${supergraph.trim()}\n`,
    [fileWithOffers]: await graphWithOffers(own, supergraph),
    'schema/generated/api.graphql': `${printSchema(lexicographicSortSchema(api))}\n`,
    'schema/generated/api-types.d.ts': outputIntrospectionFile(
      minifyIntrospection(introspectionFromSchema(api)),
      {
        fileType: '.d.ts',
        shouldPreprocess: true,
      },
    ),
    'schema/generated/reference.md': referencePage(api, tables, accessRules(subgraphs.map(subgraphSdl))),
    'schema/generated/crossgate.postman_collection.json': postmanCollection(api, operationFiles()),
  }
}

/** A start of the hub takes this in place of composing. */
async function graphWithOffers(own: readonly SubgraphSdl[], ownSupergraphSdl: string): Promise<string> {
  const joined = [await readOffers()]
  const composed = composeJoined({ own, ownSupergraphSdl, joined })
  if ('mistakes' in composed) throw new TypeError(composed.mistakes.map(({ message }) => message).join('\n'))
  return `${headOf([...own, ...joined])}${composed.supergraphSdl.trim()}\n`
}

const operationFiles = (): ReadonlyMap<string, string> =>
  new Map(
    ['wallet', 'counterparty', 'operator', 'portal', 'dashboard'].map((name) => [
      name,
      read(`schema/operations/${name}.graphql`)!,
    ]),
  )

const tables: readonly ReferenceTable[] = [
  {
    title: 'Problem codes',
    about:
      'The `code` of a `Problem` in `data`; for a query that returns no union, the `extensions.code` of an error.',
    columns: ['code', 'ISO 20022', 'what'],
    rows: Object.entries(problems).map(([code, message]) => [
      `\`${code}\``,
      refuse(code as ProblemCode).isoCode,
      message,
    ]),
  },
  {
    title: 'Error codes',
    about: 'The `extensions.code` of an error in the request itself.',
    columns: ['code', 'HTTP status', 'what'],
    rows: [
      ...Object.entries(httpErrors).map(([code, { status, message }]) => [
        `\`${code}\``,
        String(status),
        message,
      ]),
      ...Object.entries(engineCodes)
        .filter(([code]) => !(code in httpErrors))
        .map(([code, message]) => [`\`${code}\``, '400, or 200 with partial data', message]),
    ],
  },
  {
    title: 'The life of a payment',
    about:
      'Every transition of a payment. A message that arrives late or twice is stored, and changes no state.',
    columns: ['from', 'step', 'to', 'what happens'],
    rows: transitions.map(({ from, on, to, means }) => [
      from ? `\`${from}\`` : '–',
      `\`${on}\``,
      `\`${to}\`${isFinal(to) ? ' (final)' : ''}`,
      means,
    ]),
  },
  {
    title: 'Reason codes',
    about: 'Why a transaction did not complete. If `retryable`, a new payment may succeed.',
    columns: ['code', 'ISO 20022', 'retryable', 'what'],
    rows: Object.entries(reasons).map(([code, { isoCode, retryable, message }]) => [
      `\`${code}\``,
      isoCode,
      retryable ? 'yes' : 'no',
      message,
    ]),
  },
  {
    title: 'Scopes',
    about: 'What a key or token permits.',
    columns: ['scope', 'what'],
    rows: Object.entries(scopes).map(([scope, about]) => [`\`${scope}\``, about]),
  },
]

/** The generated part of each page, in which the rest is written by hand. */
function generatePages(): Record<string, string> {
  const sections = { ...benchTables(), settings: settingsTable() }
  return Object.fromEntries(pages.map((page) => [page, withSections(read(page) ?? '', sections)]))
}

const pages = ['README.md', 'bench/README.md', 'docs/operating.md'] as const

const settingsTable = (): Table => ({
  columns: ['variable', 'default', 'accepts', 'what'],
  rows: describeSettings().map(({ name, unset, accepts, description }) => [
    `\`${name}\``,
    unset ?? '–',
    accepts ?? 'text',
    description,
  ]),
})

const urlOf = (file: string): URL => new URL(`../../${file}`, import.meta.url)

function read(file: string): string | null {
  try {
    return readFileSync(urlOf(file), 'utf8')
  } catch {
    return null
  }
}

const stale = Object.entries({ ...(await generateSchema()), ...generatePages() }).filter(
  ([file, text]) => read(file) !== text,
)
const names = stale.map(([file]) => file).join(', ')
if (process.argv.includes('--check')) {
  if (stale.length > 0) {
    console.error(`out of date: ${names}; run npm run generate`)
    process.exitCode = 1
  } else console.log('generated files are up to date')
} else {
  for (const [file, text] of stale) writeFileSync(urlOf(file), text)
  console.log(names ? `wrote ${names}` : 'generated files were up to date')
}
