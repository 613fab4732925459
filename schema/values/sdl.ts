// The SDL that all subgraphs share: the value types, and the enums that are made from the tables of codes.

import { readFileSync } from 'node:fs'
import { problems } from './problems.ts'
import { reasons } from './reasons.ts'

const describedEnum = (name: string, about: string, values: readonly (readonly [string, string])[]): string =>
  [
    JSON.stringify(about),
    `enum ${name} {`,
    ...values.flatMap(([code, sentence]) => [`  ${JSON.stringify(sentence)}`, `  ${code}`]),
    '}',
  ].join('\n')

/** Value types, inputs and enums that every subgraph's SDL begins with. */
export const sharedSdl = [
  readFileSync(new URL('values.graphql', import.meta.url), 'utf8'),
  describedEnum('ProblemCode', 'What went wrong. A code is never reused.', Object.entries(problems)),
  describedEnum(
    'ReasonCode',
    'Why a transaction did not complete.',
    Object.entries(reasons).map(
      ([code, { message, isoCode }]) => [code, `${message} ISO 20022: ${isoCode}.`] as const,
    ),
  ),
].join('\n\n')
