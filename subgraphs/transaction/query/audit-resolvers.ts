// Resolvers of the audit log.

import { orThrow } from '../../../schema/values/problems.ts'
import { demandScope } from '../../shared/access.ts'
import type { AuditEntry, AuditLog } from '../../shared/audit-log.ts'
import { countFields } from '../../shared/count.ts'
import type { PageArguments } from '../../shared/page.ts'
import type { Registry } from '../../shared/registry.ts'
import type { RequestContext } from '../../shared/viewer.ts'
import { auditPage, type AuditFilterInput } from './audit-page.ts'

export interface AuditResolverDependencies {
  readonly audit: AuditLog
  readonly registry: Registry
}

export const auditResolvers = ({ audit, registry }: AuditResolverDependencies) => ({
  Query: {
    auditLog: async (
      _: unknown,
      args: PageArguments & { where?: AuditFilterInput },
      context: RequestContext,
    ) => {
      demandScope(context, 'operator')
      return orThrow(await auditPage(audit, registry, args))
    },
  },
  AuditConnection: countFields,
  AuditEntry: {
    id: ({ _id }: AuditEntry) => _id,
    actor: ({ actor }: AuditEntry) => actor && { id: actor },
  },
})
