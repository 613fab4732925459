// The GraphQL IDE at /graphiql: Altair from this hub's own disk. It works with no network, and its pages may not reach for one.

import { createRequire } from 'node:module'
import { readdir, readFile } from 'node:fs/promises'
import { dirname, extname, join, sep } from 'node:path'
import type { FastifyInstance } from 'fastify'

const types: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.ico': 'image/x-icon',
  '.js': 'text/javascript; charset=utf-8',
  '.json': 'application/json',
  '.png': 'image/png',
  '.svg': 'image/svg+xml',
  '.ttf': 'font/ttf',
  '.woff': 'font/woff',
  '.woff2': 'font/woff2',
}

/** Nothing but this hub: no script, style, picture or call from anywhere else. */
const contentSecurityPolicy = [
  "default-src 'self'",
  // Altair makes functions from text at run time; the text is its own.
  "script-src 'self' 'unsafe-eval'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data: blob:",
  "font-src 'self' data:",
  "worker-src 'self' blob:",
  "object-src 'none'",
  "base-uri 'self'",
  "frame-ancestors 'self'",
].join('; ')

/** Serves the IDE. `key` is filled in as the key to call with; nothing is when null. */
export function ideRoutes(app: FastifyInstance, key: string | null): void {
  let files: Promise<ReadonlyMap<string, string>> | null = null
  const start = startScript(key)

  app.get('/graphiql', (_request, reply) => reply.redirect('/graphiql/'))
  app.get<{ Params: { '*': string } }>('/graphiql/*', async (request, reply) => {
    const name = request.params['*'] || 'index.html'
    reply.header('content-security-policy', contentSecurityPolicy).header('x-content-type-options', 'nosniff')
    if (name === 'start.js') return reply.type(types['.js']!).send(start)
    // Listed at the first request only: most hubs are never asked. What is not listed is not served, wherever `..` leads.
    const path = (await (files ??= listFiles())).get(name)
    if (path === undefined) return reply.callNotFound()
    const content = await readFile(path)
    return reply
      .type(types[extname(name)] ?? 'application/octet-stream')
      .send(name === 'index.html' ? withStart(content.toString()) : content)
  })
}

/** The IDE's files by the name that they are asked for. */
async function listFiles(): Promise<ReadonlyMap<string, string>> {
  const root = join(dirname(createRequire(import.meta.url).resolve('altair-static')), 'dist')
  const entries = await readdir(root, { recursive: true, withFileTypes: true })
  return new Map(
    entries
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name))
      .map((path) => [
        path
          .slice(root.length + 1)
          .split(sep)
          .join('/'),
        path,
      ]),
  )
}

const withStart = (html: string): string =>
  html
    .replace(/<base[^>]*>/, '<base href="/graphiql/">')
    .replace('</body>', '<script type="module" src="start.js"></script></body>')

const firstQuery = `# Who am I? Press Ctrl-Enter.
query Viewer {
  viewer { participant { id name roles country status } scopes }
}
`

/** The addresses are made in the browser, which knows under which name it reached the hub. */
function startScript(key: string | null): string {
  const authorization = key && `Bearer ${key}`
  const options = {
    initialName: 'Crossgate',
    initialQuery: firstQuery,
    initialSubscriptionRequestHandlerId: 'graphql-ws',
    ...(authorization && {
      initialHeaders: { Authorization: authorization },
      initialSubscriptionsPayload: { authorization },
    }),
    disableAccount: true,
    persistedSettings: { 'alert.disableUpdateNotification': true, 'plugin.list': [] },
  }
  return `AltairGraphQL.init({
  ...${JSON.stringify(options)},
  endpointURL: location.origin + '/graphql',
  subscriptionsEndpoint: location.origin.replace(/^http/, 'ws') + '/graphql',
})
`
}
