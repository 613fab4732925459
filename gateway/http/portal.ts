// The portal: the web page of the hub, at `/`. `portal/build.ts` builds its files. It calls this hub alone.

import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { HttpError } from '../protocol/http-error.ts'
import { contentTypeOf, listFiles } from './static-files.ts'

const folder = fileURLToPath(new URL('../../.data/portal/', import.meta.url))

/** The addresses of its pages, each served by the same document. */
const pages = [
  '/',
  '/sandbox',
  '/coverage',
  '/live',
  '/payments',
  '/payments/:id',
  '/corridors',
  '/corridors/:id',
  '/operator',
  '/operator/:id',
  '/developers',
]

/**
 * No script, style, picture or call of any other server, no script in the document, and no text that becomes
 * a script. The reader of codes is WebAssembly.
 */
const contentSecurityPolicy = [
  "default-src 'none'",
  "script-src 'self' 'wasm-unsafe-eval'",
  "style-src 'self'",
  "img-src 'self' data: blob:",
  "media-src 'self' blob:",
  "font-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  'trusted-types svelte-trusted-html',
].join('; ')

/** Loads itself again, because `npm start` builds the portal while the hub starts. */
const notBuilt = `<!doctype html><title>Crossgate</title><meta http-equiv="refresh" content="2">
<p>The portal is not built yet: <code>npm start</code> builds it while the hub starts, <code>npm run portal</code> alone.
<p>The API is at <code>/graphql</code>, and an IDE at <a href="/graphiql/">/graphiql/</a>.`

/** Serves the portal. `keys` are those of a demo hub by role, which its first page offers; else empty. */
export function portalRoutes(app: FastifyInstance, keys: Readonly<Record<string, string>>): void {
  let listed: Promise<ReadonlyMap<string, string>> | null = null
  // Listed at the first request. Without a portal the next request lists again: a build may be running.
  const files = () => (listed ??= listFiles(folder).catch(() => ((listed = null), new Map<string, string>())))
  let document: string | null = null

  const sendPage = async (_request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
    const index = (await files()).get('index.html')
    protect(reply).header('cache-control', 'no-cache').type(contentTypeOf('index.html'))
    if (index === undefined) return reply.code(503).send(notBuilt)
    document ??= withKeys(await readFile(index, 'utf8'), keys)
    return reply.send(document)
  }
  for (const page of pages) app.get(page, sendPage)

  app.get<{ Params: { '*': string } }>('/assets/*', async (request, reply) => {
    const name = `assets/${request.params['*']}`
    const all = await files()
    const file = all.get(name)
    if (file === undefined || name.endsWith('.gz')) throw new HttpError('NOT_FOUND')
    const compressed = acceptsGzip(request) ? all.get(`${name}.gz`) : undefined
    protect(reply)
      .header('cache-control', 'public, max-age=31536000, immutable')
      .header('vary', 'accept-encoding')
      .type(contentTypeOf(name))
    if (compressed !== undefined) reply.header('content-encoding', 'gzip')
    return reply.send(await readFile(compressed ?? file))
  })
}

const protect = (reply: FastifyReply): FastifyReply =>
  reply
    .header('content-security-policy', contentSecurityPolicy)
    .header('x-content-type-options', 'nosniff')
    .header('referrer-policy', 'no-referrer')
    .header('permissions-policy', 'camera=(self), geolocation=(), microphone=()')

const acceptsGzip = ({ headers }: FastifyRequest): boolean => {
  const accepted = headers['accept-encoding']
  return typeof accepted === 'string' && /\bgzip\b(?!;\s*q=0(\.0*)?\b)/.test(accepted)
}

/** Fills in the keys where the document has a place for them. */
const withKeys = (html: string, keys: Readonly<Record<string, string>>): string =>
  html.replace(
    /(<meta name="demo-keys" content=")[^"]*"/,
    (_, start: string) =>
      `${start}${JSON.stringify(keys).replaceAll('&', '&amp;').replaceAll('"', '&quot;')}"`,
  )
