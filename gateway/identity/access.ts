// What the access rules of the schema see of a viewer.

import { scopes as allScopes, type Scope } from '../../schema/values/scopes.ts'
import type { RequestContext, Viewer } from '../../subgraphs/shared/viewer.ts'
import type { Access } from '../supergraph/index.ts'

/**
 * The access of the viewer of a request: the same object for viewers with the same scopes, so that what an
 * operation may read is decided once for a set of scopes. The scope `operator` includes every other one.
 */
export const accessOf = (context: unknown): Access => accessOfViewer((context as RequestContext).viewer)

/** Of a document that needs no key: introspection shows the whole schema, and nothing else may be read. */
const withoutKey: Access = { isAuthenticated: false, seesSchema: true }

const byScopes = new WeakMap<ReadonlySet<Scope>, Access>()
const byNames = new Map<string, Access>()

function accessOfViewer({ key, scopes }: Viewer): Access {
  if (key === '') return withoutKey
  let access = byScopes.get(scopes)
  if (!access) byScopes.set(scopes, (access = accessOfScopes(scopes)))
  return access
}

function accessOfScopes(scopes: ReadonlySet<Scope>): Access {
  const granted = scopes.has('operator') ? Object.keys(allScopes) : [...scopes].toSorted()
  const names = granted.join()
  let access = byNames.get(names)
  if (!access) byNames.set(names, (access = { isAuthenticated: true, scopes: new Set(granted) }))
  return access
}
