// The type as which an entity was requested, kept beside the entity.
//
// GraphQL resolves the type of an entity from the object alone, but entities belong to the stores: an object
// may be frozen, or shared by many requests, so the type cannot be written into it.

const typenames = new WeakMap<object, string>()

/**
 * Returns `entity` as an object of the type `name`. It is `entity` itself, unless that already has another
 * type: two keys may reach one object, as an interface and as its implementation. Then it is an object that
 * inherits from `entity`.
 */
export function withTypename(entity: object, name: string): object {
  const present = typenames.get(entity)
  if (present === name) return entity
  const named = present === undefined ? entity : (Object.create(entity) as object)
  typenames.set(named, name)
  return named
}

/** Returns the type that `withTypename` has given, else the entity's own `__typename`. */
export const typenameOf = (entity: object): string | undefined =>
  typenames.get(entity) ?? (entity as { readonly __typename?: string }).__typename
