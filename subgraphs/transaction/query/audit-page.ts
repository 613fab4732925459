// The audit log as the operator reads it: newest first, a page at a time.

import type { Filter } from 'mongodb'
import type { ParticipantId } from '../../../schema/values/id.ts'
import { isRefusal, refuse, type Refusal } from '../../../schema/values/problems.ts'
import { readForClient } from '../../platform/mongo/client-reads.ts'
import { auditedActions, auditedKinds, type AuditEntry, type AuditLog } from '../../shared/audit-log.ts'
import { countUpTo, type Counted } from '../../shared/count.ts'
import { pagesOf, type Connection, type PageArguments } from '../../shared/page.ts'
import { readNames } from '../../shared/read-names.ts'
import type { Registry } from '../../shared/registry.ts'
import { createdBetween } from './clauses.ts'
import { checkLength } from './transaction-filter.ts'

export interface AuditFilterInput {
  readonly actors?: readonly ParticipantId[] | null
  readonly actions?: readonly string[] | null
  readonly targets?: readonly string[] | null
  readonly from?: Date | null
  readonly to?: Date | null
}

const pages = pagesOf('audit', ['string'], 100)

/** Refuses with BAD_PAGE or CURSOR_INVALID, and a filter with BAD_VALUE, PARTICIPANT_UNKNOWN or BAD_RANGE. */
export async function auditPage(
  { entries }: AuditLog,
  registry: Pick<Registry, 'participants'>,
  args: PageArguments & { readonly where?: AuditFilterInput | null },
): Promise<(Connection<AuditEntry> & Counted) | Refusal> {
  const page = pages.read(args)
  if (isRefusal(page)) return page
  const clauses = auditQuery(args.where ?? {}, registry)
  if (isRefusal(clauses)) return clauses
  const [after] = page.after ?? []
  const all = after === undefined ? clauses : [...clauses, { _id: { $lt: after } }]
  const found = entries
    .find(all.length > 0 ? { $and: [...all] } : {})
    .sort({ _id: -1 })
    .limit(page.size + 1)
  const rows = await readForClient(entries.db, 'list', () => found.toArray())
  const count = countUpTo(entries, clauses.length > 0 ? { $and: [...clauses] } : {})
  return { ...pages.connection(page, rows, ({ _id }) => [_id]), count }
}

/** Refuses unknown actors, actions and kinds of target, long lists, and an empty range. */
function auditQuery(
  { actors, actions, targets, from, to }: AuditFilterInput,
  { participants }: Pick<Registry, 'participants'>,
): readonly Filter<AuditEntry>[] | Refusal {
  for (const [field, list] of Object.entries({ actors, actions, targets })) {
    const flaw = checkLength(list, ['where', field])
    if (flaw) return flaw
  }
  const unknown = actors?.findIndex((id) => !participants.has(id)) ?? -1
  if (unknown >= 0) {
    return refuse('PARTICIPANT_UNKNOWN', undefined, ['where', 'actors', String(unknown)])
  }
  const known = readNames(actions, auditedActions, ['where', 'actions'])
  if (isRefusal(known)) return known
  const malformed = targets?.findIndex((target) => !isTarget(target)) ?? -1
  if (malformed >= 0) {
    return refuse(
      'BAD_VALUE',
      `a target is one of ${Object.keys(auditedKinds).join(', ')}, a colon and an id, such as "corridor:TH-CN"`,
      ['where', 'targets', String(malformed)],
    )
  }
  if (from && to && from >= to) return refuse('BAD_RANGE', '`from` must be before `to`', ['where', 'to'])
  return [
    ...(actors?.length ? [{ actor: { $in: [...actors] } }] : []),
    ...(known ? [{ action: { $in: [...known] } }] : []),
    ...(targets?.length ? [{ target: { $in: [...targets] } }] : []),
    ...createdBetween(from, to),
  ]
}

function isTarget(text: string): boolean {
  const [kind = '', id = ''] = text.split(/:(.*)/s)
  return Object.hasOwn(auditedKinds, kind) && id !== ''
}
