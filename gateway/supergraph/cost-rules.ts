// Reads `@cost` and `@listSize` of the cost specification 0.1 from a supergraph.

import type { ConstDirectiveNode, GraphQLSchema } from 'graphql'
import { valuesOf, type Arguments, type Features } from './features.ts'

/** The cost directives of a supergraph. */
export interface CostRules {
  /**
   * The weight of a field, type, argument or input field, by its coordinate such as `Query.books(first:)`.
   */
  readonly weights: ReadonlyMap<string, number>
  /** The arguments of `@listSize`, by coordinate. */
  readonly listSizes: ReadonlyMap<string, Arguments>
}

interface Directed {
  readonly astNode?: { readonly directives?: readonly ConstDirectiveNode[] | undefined } | null | undefined
}

export function readCostRules(schema: GraphQLSchema, features: Features): CostRules {
  const cost = features.get('cost') ?? 'cost'
  const weights = new Map<string, number>()
  const listSizes = new Map<string, Arguments>()
  const read = (coordinate: string, { astNode }: Directed): void => {
    for (const directive of astNode?.directives ?? []) {
      const name = directive.name.value
      if (name === cost) weights.set(coordinate, Number(valuesOf(directive)['weight']))
      if (name === 'listSize' || name === `${cost}__listSize`) listSizes.set(coordinate, valuesOf(directive))
    }
  }
  for (const type of Object.values(schema.getTypeMap())) {
    read(type.name, type)
    if (!('getFields' in type)) continue
    for (const field of Object.values(type.getFields())) {
      read(`${type.name}.${field.name}`, field)
      for (const argument of 'args' in field ? field.args : [])
        read(`${type.name}.${field.name}(${argument.name}:)`, argument)
    }
  }
  return { weights, listSizes }
}
