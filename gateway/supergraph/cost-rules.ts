// Reads `@cost` and `@listSize` of the cost specification 0.1 from a supergraph.

import type { ConstDirectiveNode, GraphQLSchema } from 'graphql'
import { valuesOf, type Arguments } from './features.ts'

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

export function readCostRules(schema: GraphQLSchema): CostRules {
  const weights = new Map<string, number>()
  const listSizes = new Map<string, Arguments>()
  const read = (coordinate: string, { astNode }: Directed): void => {
    for (const directive of astNode?.directives ?? []) {
      const name = directive.name.value
      const values = valuesOf(directive)
      if (name === 'cost') weights.set(coordinate, weightOf(values))
      if (name === 'listSize' || name === 'cost__listSize') listSizes.set(coordinate, values)
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

/** Below 0 it would make other fields of an operation free, and no number would end every comparison. */
const weightOf = ({ weight }: Arguments): number => Math.max(0, Number(weight)) || 0
