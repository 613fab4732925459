// How long the response of a query may be kept, by `@cacheControl` as Apollo defines it.
//
// A field that is at the root, or returns an object, may not be kept unless it or its type has a `maxAge`; a
// leaf is kept as long as its object. The response is kept for the shortest of these times. What is PRIVATE
// depends on the caller.

import { getNamedType, isCompositeType, TypeInfo, visit, visitWithTypeInfo } from 'graphql'
import type { Operation } from './operation.ts'

/**
 * The seconds for which a response may be kept that is the same for every caller; 0 for any other, and for a
 * mutation or subscription. Fields that `@skip` may leave out count too.
 */
export function maxAgeOf({ schema, definition, fragments }: Operation): number {
  const hints = schema.cacheHints
  if (definition.operation !== 'query' || hints.size === 0) return 0
  let maxAge = Infinity
  const types = new TypeInfo(schema.graphql)
  const root = schema.graphql.getQueryType()
  const visitor = visitWithTypeInfo(types, {
    Field({ name: { value: name } }) {
      const parent = types.getParentType()
      const type = getNamedType(types.getType())
      if (!parent || !type || name === '__typename') return
      const ofType = hints.get(type.name) ?? {}
      const ofField = hints.get(`${parent.name}.${name}`) ?? {}
      const hint = { ...ofType, ...ofField }
      if (hint['scope'] === 'PRIVATE' || ofType['scope'] === 'PRIVATE') maxAge = 0
      const own = hint['inheritMaxAge'] === true && !('maxAge' in ofField) ? undefined : hint['maxAge']
      if (typeof own === 'number') maxAge = Math.min(maxAge, own)
      else if (parent === root || (isCompositeType(type) && hint['inheritMaxAge'] !== true)) maxAge = 0
    },
  })
  visit(definition, visitor)
  for (const fragment of fragments.values()) visit(fragment, visitor)
  return Number.isFinite(maxAge) ? Math.max(0, maxAge) : 0
}
