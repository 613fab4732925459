// Documents that need no key: those that read the schema alone, which is public.

import { Kind, parse } from 'graphql'

const introspectionFields = new Set(['__schema', '__type', '__typename'])

/**
 * True when every operation in `document` is a query for `__schema`, `__type` and `__typename` alone. False
 * for text that is no GraphQL, or exceeds a limit.
 */
export function isIntrospectionOnly(
  document: string,
  { charactersMax, tokensMax }: { readonly charactersMax: number; readonly tokensMax: number },
): boolean {
  if (document.length > charactersMax) return false
  try {
    return parse(document, { maxTokens: tokensMax, noLocation: true }).definitions.every(
      (definition) =>
        definition.kind === Kind.FRAGMENT_DEFINITION ||
        (definition.kind === Kind.OPERATION_DEFINITION &&
          definition.operation === 'query' &&
          definition.selectionSet.selections.every(
            (selection) => selection.kind === Kind.FIELD && introspectionFields.has(selection.name.value),
          )),
    )
  } catch {
    return false
  }
}
