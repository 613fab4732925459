// The key of this tab and its viewer. The key is kept in the storage of the tab's session alone.

import { ApiError, request } from '../api/client.ts'
import { graphql, type ResultOf } from '../api/graphql.ts'

const viewerQuery = graphql(`
  query Viewer {
    viewer {
      participant {
        id
        name
        roles
        country
        status
      }
      scopes
    }
  }
`)

export type Viewer = ResultOf<typeof viewerQuery>['viewer']
export type Role = 'wallet' | 'acquirer' | 'portal' | 'operator'

const stored = 'crossgate.key'

/** The keys of a demo hub by role; empty in production. */
export const demoKeys = JSON.parse(
  document.querySelector<HTMLMetaElement>('meta[name=demo-keys]')?.content ?? '{}',
) as Partial<Record<Role, string>>
export const isDemo = demoKeys.operator !== undefined

interface Session {
  key: string | null
  viewer: Viewer | null
  phase: 'closed' | 'opening' | 'open'
  /** The code and message of the last refusal. */
  error: ApiError | null
}

export const session: Session = $state({
  key: sessionStorage.getItem(stored),
  viewer: null,
  phase: 'closed',
  error: null,
})

/** Checks a key with the hub, and keeps it for this tab when the hub accepts it. */
export async function openSession(key: string): Promise<boolean> {
  session.phase = 'opening'
  session.error = null
  try {
    const { viewer } = await request(key, viewerQuery, {})
    Object.assign(session, { key, viewer, phase: 'open' } satisfies Partial<Session>)
    sessionStorage.setItem(stored, key)
    return true
  } catch (cause) {
    if (!(cause instanceof ApiError)) throw cause
    // A hub that cannot be reached may accept the key later.
    if (cause.code !== 'OFFLINE') sessionStorage.removeItem(stored)
    Object.assign(session, {
      key: null,
      viewer: null,
      phase: 'closed',
      error: cause,
    } satisfies Partial<Session>)
    return false
  }
}

export function closeSession(): void {
  sessionStorage.removeItem(stored)
  Object.assign(session, { key: null, viewer: null, phase: 'closed', error: null } satisfies Partial<Session>)
}

/** The scope `operator` includes every other one. */
export const may = (scope: string): boolean =>
  session.viewer?.scopes.some((one) => one === scope || one === 'operator') ?? false
export const hasRole = (role: string): boolean =>
  session.viewer?.participant.roles.some((one) => one === role) ?? false

/** The key of the session. Throws when there is none: pages that need one are shown only with it. */
export function sessionKey(): string {
  if (session.key === null) throw new TypeError('a page that needs a key was shown without one')
  return session.key
}
