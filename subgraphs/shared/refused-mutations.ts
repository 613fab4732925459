// Notes the refusals of mutations that matter for the audit log: what the key may not do, and card numbers.

import { defaultFieldResolver, type GraphQLSchema } from 'graphql'
import { isRefusal, type Refusal } from '../../schema/values/problems.ts'
import type { RefusalLog, Refused } from './refusal-log.ts'
import type { RequestContext } from './viewer.ts'

/** Wraps each mutation of `schema`. */
export function noteRefusals(schema: GraphQLSchema, log: Pick<RefusalLog, 'note'>): void {
  for (const field of Object.values(schema.getMutationType()?.getFields() ?? {})) {
    const { name, resolve = defaultFieldResolver } = field
    field.resolve = async (source, args, context: RequestContext, info) => {
      const result: unknown = await resolve(source, args, context, info)
      const refused = isRefusal(result) && refusedOf(name, result, context)
      if (refused) log.note(context.viewer, refused)
      return result
    }
  }
}

function refusedOf(mutation: string, { code, path }: Refusal, { requestId }: RequestContext): Refused | null {
  if (code === 'FORBIDDEN')
    return { action: 'forbiddenField', target: `field:Mutation.${mutation}`, refusal: code, requestId }
  if (code === 'PAN_REFUSED')
    return { action: 'refusedRequest', target: `input:${path.join('.')}`, refusal: code, requestId }
  return null
}
