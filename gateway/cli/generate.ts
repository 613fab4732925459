// Makes what is in `generated/`. With `--check`: says whether it is up to date, and changes nothing.
// A tool, not a part of the hub: the one file of this folder that looks at the other rooms.

import { buildSchema, lexicographicSortSchema, printSchema } from 'graphql'
import { readFileSync, writeFileSync } from 'node:fs'
import { httpErrors } from '../protocol/http-error.ts'
import { apiSdl, composeSupergraph } from '../supergraph/compose.ts'
import { engineCodes } from '../supergraph/errors.ts'
import { subgraphSdl, type SubgraphName } from '../../subgraphs/shared/subgraph.ts'
import { isFinal, transitions } from '../../subgraphs/transaction/payment/lifecycle.ts'
import { referencePage, type ReferenceTable } from './reference-page.ts'
import { problems, refuse, type ProblemCode } from '../../schema/values/problems.ts'
import { reasons } from '../../schema/values/reasons.ts'
import { scopes } from '../../schema/values/scopes.ts'

const subgraphs: readonly SubgraphName[] = ['participant', 'merchant', 'transaction', 'analytics']

function generate(): Record<string, string> {
  const supergraph = composeSupergraph(subgraphs.map((name) => ({ name, sdl: subgraphSdl(name) })))
  const api = buildSchema(apiSdl(supergraph))
  return {
    'supergraph.graphql': `${supergraph.trim()}\n`,
    'api.graphql': `${printSchema(lexicographicSortSchema(api))}\n`,
    'reference.md': referencePage(api, tables),
  }
}

const tables: readonly ReferenceTable[] = [
  {
    title: 'Problem codes',
    about:
      '`code` of a `Problem` in `data`, or `extensions.code` of an error where a plain query has no union to put it in.',
    columns: ['code', 'ISO 20022', 'what'],
    rows: Object.entries(problems).map(([code, message]) => [
      `\`${code}\``,
      refuse(code as ProblemCode).isoCode,
      message,
    ]),
  },
  {
    title: 'Error codes',
    about: '`extensions.code` of an error that is about the request rather than about what it asks for.',
    columns: ['code', 'HTTP status', 'what'],
    rows: [
      ...Object.entries(httpErrors).map(([code, { status, message }]) => [
        `\`${code}\``,
        String(status),
        message,
      ]),
      ...Object.entries(engineCodes)
        .filter(([code]) => !(code in httpErrors))
        .map(([code, message]) => [`\`${code}\``, '400, or 200 in part of an answer', message]),
    ],
  },
  {
    title: 'The life of a payment',
    about:
      'Every move that a payment can make. A message that comes late or twice is kept, and moves nothing.',
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
    about: 'Why a transaction did not complete. `retryable`: a new payment may succeed.',
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
    about: 'What a key may do.',
    columns: ['scope', 'what'],
    rows: Object.entries(scopes).map(([scope, about]) => [`\`${scope}\``, about]),
  },
]

const urlOf = (name: string): URL => new URL(`../../schema/generated/${name}`, import.meta.url)

function read(name: string): string | null {
  try {
    return readFileSync(urlOf(name), 'utf8')
  } catch {
    return null
  }
}

const stale = Object.entries(generate()).filter(([name, text]) => read(name) !== text)
const names = stale.map(([name]) => name).join(', ')
if (process.argv.includes('--check')) {
  if (stale.length > 0) {
    console.error(`schema/generated is out of date (${names}): run npm run generate`)
    process.exitCode = 1
  } else console.log('schema/generated is up to date')
} else {
  for (const [name, text] of stale) writeFileSync(urlOf(name), text)
  console.log(names ? `wrote ${names}` : 'schema/generated was up to date')
}
