// Which documents need no key: those that ask only what the API looks like, which everybody may know.

import { Kind, parse } from 'graphql'

const open = new Set(['__schema', '__type', '__typename'])

/**
 * True when every operation in `document` is a query for `__schema`, `__type` and `__typename` alone. False for text
 * that is no GraphQL or longer than `tokensMax`.
 */
export function isIntrospection(document: string, tokensMax: number): boolean {
  try {
    return parse(document, { maxTokens: tokensMax, noLocation: true }).definitions.every(
      (definition) =>
        definition.kind === Kind.FRAGMENT_DEFINITION ||
        (definition.kind === Kind.OPERATION_DEFINITION &&
          definition.operation === 'query' &&
          definition.selectionSet.selections.every(
            (selection) => selection.kind === Kind.FIELD && open.has(selection.name.value),
          )),
    )
  } catch {
    return false
  }
}
