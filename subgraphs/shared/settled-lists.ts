// Settles the items of lists before the executor receives them. graphql-jit misplaces items of a list of
// promises when one of them rejects; an item that is an `Error` is reported at its own index by every
// executor.

import { getNullableType, isListType, isObjectType, type GraphQLField, type GraphQLSchema } from 'graphql'
import { asError, isPromise } from '../platform/async/promise.ts'

/** Makes every list that a resolver of `schema` returns a list of values and `Error`s. */
export function settleLists(schema: GraphQLSchema): void {
  for (const type of Object.values(schema.getTypeMap())) {
    if (isObjectType(type)) Object.values(type.getFields()).forEach(settleList)
  }
}

function settleList(field: GraphQLField<unknown, unknown>): void {
  const { resolve } = field
  if (!resolve || !isListType(getNullableType(field.type))) return
  field.resolve = (source, args, context, info) => {
    const value = resolve(source, args, context, info)
    return isPromise(value) ? value.then(settleItems) : settleItems(value)
  }
}

function settleItems(value: unknown): unknown {
  if (!Array.isArray(value) || !value.some((item) => isPromise(item) || Array.isArray(item))) return value
  const items = value.map((item: unknown) =>
    isPromise(item) ? item.then(settleItems, asError) : settleItems(item),
  )
  return items.some(isPromise) ? Promise.all(items) : items
}
