// Reports the fields of a response that the caller may not read.

import type { GraphQLFormattedError } from 'graphql'
import { memberOf } from './codegen.ts'
import { coded, engineCodes } from './errors.ts'
import type { Located, Path, ResponseTree } from './failures.ts'
import type { Data } from './merge.ts'
import { fieldsFor, type Shape, type ShapeField } from './shape.ts'

/** Also the names of the fields, as "Type.field". */
export interface Forbidden extends Located {
  readonly names: ReadonlySet<string>
}

/** The errors of the fields in the response that the caller may not read; after `max`, they are counted. */
export function forbiddenFields({ schema, fields, data }: ResponseTree, max: number): Forbidden {
  const errors: GraphQLFormattedError[] = []
  const names = new Set<string>()
  let omitted = 0
  const visitFields = (inner: readonly ShapeField[], object: Data, path: Path): void => {
    for (const { isForbidden, shape, responseKey, dataKey, parent, name } of inner) {
      const at = [...path, responseKey]
      if (isForbidden) {
        names.add(`${parent.name}.${name}`)
        if (errors.length < max)
          errors.push({ ...coded(forbiddenCode, engineCodes[forbiddenCode]), path: at })
        else omitted++
      } else if (shape) visitValue(shape, memberOf(object, dataKey), at)
    }
  }
  const visitValue = (shape: Shape, value: unknown, path: Path): void => {
    if (Array.isArray(value)) value.forEach((item, n) => visitValue(shape, item, [...path, n]))
    else if (typeof value === 'object' && value !== null) {
      visitFields(fieldsFor(shape, value, schema), value as Data, path)
    }
  }
  visitFields(fields, data, [])
  return { errors, omitted, names }
}

const forbiddenCode = 'UNAUTHORIZED_FIELD_OR_TYPE'
