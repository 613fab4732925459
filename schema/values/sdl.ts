// The SDL that all subgraphs share: the value types, and the enums that are generated from the tables of
// codes.

import { readFileSync } from 'node:fs'
import { problems } from './problems.ts'
import { reasons } from './reasons.ts'

const describedEnum = (
  name: string,
  description: string,
  values: readonly (readonly [string, string])[],
): string =>
  [
    JSON.stringify(description),
    `enum ${name} {`,
    ...values.flatMap(([code, sentence]) => [`  ${JSON.stringify(sentence)}`, `  ${code}`]),
    '}',
  ].join('\n')

/** `@cacheControl` as Apollo defines it, which composition passes on to the gateway. */
const cacheControl = `
extend schema
  @link(url: "https://crossgate.example/cacheControl/v1.0", import: ["@cacheControl"])
  @federation__composeDirective(name: "@cacheControl")

"How long responses with a field or type may be kept, in seconds."
directive @cacheControl(maxAge: Int) on FIELD_DEFINITION | OBJECT
`

/** Value types, inputs and enums at the start of every subgraph's SDL. */
export const sharedSdl = [
  cacheControl,
  readFileSync(new URL('values.graphql', import.meta.url), 'utf8'),
  describedEnum('ProblemCode', 'The codes of problems. A code is never reused.', Object.entries(problems)),
  describedEnum(
    'ReasonCode',
    'The reasons why a transaction did not complete.',
    Object.entries(reasons).map(
      ([code, { message, isoCode }]) => [code, `${message} ISO 20022: ${isoCode}.`] as const,
    ),
  ),
].join('\n\n')
