// Documents with types. gql.tada derives the type of a document from its text and the schema, in the compiler
// alone: at run time a document is its text, which is what the hub receives.

import type { initGraphQLTada, TadaDocumentNode } from 'gql.tada'
import type { introspection } from '../../schema/generated/api-types.d.ts'

export type { ResultOf, VariablesOf } from 'gql.tada'
export type Document<Result, Variables> = TadaDocumentNode<Result, Variables>

type Graphql = initGraphQLTada<{
  introspection: introspection
  scalars: {
    ID: string
    CountryCode: string
    CurrencyCode: string
    DateTime: string
    Decimal: string
    LocalDate: string
  }
  disableMasking: true
}>

/** The definitions of a document: its own, then those of its fragments. */
type Definitions = readonly string[]

const join = (own: string, fragments: readonly Definitions[] = []): Definitions => [
  ...new Set([dedent(own), ...fragments.flat()]),
]

/** A typed document, with the fragments that it uses. */
export const graphql = join as unknown as Graphql

/** The text of a document, as it is sent. */
export const textOf = (document: object): string => (document as Definitions).join('\n\n')

/** Removes the indentation that a document has from the code around it. */
function dedent(text: string): string {
  const lines = text.split('\n').filter((line, n, all) => line.trim() !== '' || (n > 0 && n < all.length - 1))
  const indent = Math.min(...lines.filter((line) => line.trim()).map((line) => line.search(/\S/)))
  return lines
    .map((line) => line.slice(indent))
    .join('\n')
    .trim()
}
