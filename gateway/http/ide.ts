// The GraphQL IDE at /graphiql: Altair, served from the hub's own disk. It needs no other server, and its
// pages may call none.

import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { FastifyInstance } from 'fastify'
import { contentTypeOf, listFiles } from './static-files.ts'

/** Allows this hub alone: no script, style, picture or call of any other server. */
const contentSecurityPolicy = [
  "default-src 'self'",
  // Altair compiles functions from its own text at run time.
  "script-src 'self' 'unsafe-eval'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data: blob:",
  "font-src 'self' data:",
  "worker-src 'self' blob:",
  "object-src 'none'",
  "base-uri 'self'",
  "frame-ancestors 'self'",
].join('; ')

/**
 * Serves the IDE. `keys` are those of a demo hub by role, for the tab of each role; else empty, and there is
 * one tab with `query`. Clients see it below the path `base`.
 */
export function ideRoutes(
  app: FastifyInstance,
  keys: Readonly<Record<string, string>>,
  { base = '', query = firstQuery }: { readonly base?: string; readonly query?: string | undefined },
): void {
  let files: Promise<ReadonlyMap<string, string>> | null = null
  const start = startScript(keys, query, base)

  app.get('/graphiql', (_request, reply) => reply.redirect(`${base}/graphiql/`))
  app.get<{ Params: { '*': string } }>('/graphiql/*', async (request, reply) => {
    const name = request.params['*'] || 'index.html'
    reply.header('content-security-policy', contentSecurityPolicy).header('x-content-type-options', 'nosniff')
    if (name === 'start.js') return reply.type(contentTypeOf(name)).send(start)
    // Listed at the first request, because most hubs never serve the IDE. Only listed files are served, so
    // `..` is harmless.
    const path = (await (files ??= listFiles(root()))).get(name)
    if (path === undefined) return reply.callNotFound()
    const content = await readFile(path)
    return reply
      .type(contentTypeOf(name))
      .send(name === 'index.html' ? withStart(content.toString(), base) : content)
  })
}

const root = () => join(dirname(createRequire(import.meta.url).resolve('altair-static')), 'dist')

const withStart = (html: string, base: string): string =>
  html
    .replace(/<base[^<>]*>/, `<base href="${base}/graphiql/">`)
    .replace('</body>', '<script type="module" src="start.js"></script></body>')

const firstQuery = `# The participant of this key. Press Ctrl-Enter.
query Viewer {
  viewer { participant { id name roles country status } scopes }
}
`

/** The tabs of a demo: the role whose key each uses, and its file in `schema/operations`. */
const tabs = [
  ['operator', 'operator'],
  ['operator', 'dashboard'],
  ['portal', 'portal'],
  ['wallet', 'wallet'],
  ['acquirer', 'counterparty'],
] as const

const operationsOf = (file: string): string =>
  readFileSync(new URL(`../../schema/operations/${file}.graphql`, import.meta.url), 'utf8')

const windowOf = (name: string, query: string, key?: string) => ({
  initialName: name,
  initialQuery: query,
  initialSubscriptionRequestHandlerId: 'graphql-ws',
  ...(key !== undefined && {
    initialHeaders: { Authorization: `Bearer ${key}` },
    initialSubscriptionsPayload: { authorization: `Bearer ${key}` },
  }),
})

/** Starts Altair. The URLs are built in the browser, from the name under which it reached the hub. */
function startScript(keys: Readonly<Record<string, string>>, query: string, base: string): string {
  const windows =
    Object.keys(keys).length > 0
      ? tabs.map(([role, file]) => windowOf(file, operationsOf(file), keys[role]))
      : [windowOf('Crossgate', query)]
  const options = {
    disableAccount: true,
    persistedSettings: { 'alert.disableUpdateNotification': true, 'plugin.list': [] },
  }
  return `const urls = {
  endpointURL: location.origin + '${base}/graphql',
  subscriptionsEndpoint: location.origin.replace(/^http/, 'ws') + '${base}/graphql',
}
AltairGraphQL.init({
  ...${JSON.stringify(options)},
  ...urls,
  initialWindows: ${JSON.stringify(windows)}.map((each) => ({ ...each, ...urls })),
})
`
}
