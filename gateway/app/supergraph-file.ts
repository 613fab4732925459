// The supergraph of a file, as the running gateway uses it: read at start, and again whenever the file
// changes.

import { GraphQLError, validateSchema } from 'graphql'
import { readFile } from 'node:fs/promises'
import { fileStateOf, followFile } from '../../subgraphs/platform/async/follow-file.ts'
import type { Logger } from '../../subgraphs/platform/logger.ts'
import {
  openHttpConnection,
  openSupergraph,
  replaceableSupergraph,
  subgraphUrls,
  UnsupportedSupergraph,
  type HttpConnection,
  type ReplaceableSupergraph,
  type SubgraphConnection,
  type Supergraph,
  type SupergraphOptions,
} from '../supergraph/index.ts'

export type SupergraphFileCode =
  'SUPERGRAPH_UNREADABLE' | 'SUPERGRAPH_INVALID' | 'SUPERGRAPH_UNSUPPORTED' | 'SUBGRAPH_URL_INVALID'

/** Why a file cannot be served. */
class SupergraphFileError extends Error {
  readonly code: SupergraphFileCode
  constructor(code: SupergraphFileCode, message: string, cause?: unknown) {
    super(message, { cause })
    this.name = 'SupergraphFileError'
    this.code = code
  }
}

export interface SupergraphFileOptions {
  readonly file: string
  readonly engine: Omit<SupergraphOptions, 'supergraphSdl' | 'subgraphs'>
  /** Headers for a call to a subgraph, from the context of the client’s request. */
  readonly headersFor: (subgraph: string, context: unknown) => Record<string, string>
  /** Measures the calls of a connection. */
  readonly observe: (connection: SubgraphConnection) => SubgraphConnection
  /** The time after which a call of a subgraph has failed. */
  readonly timeoutMs: number
  readonly logger: Pick<Logger, 'info' | 'error'>
}

export interface SupergraphFile {
  /** Always the latest valid content of the file. A prepared operation stays with the content it had. */
  readonly supergraph: ReplaceableSupergraph
  /** The code of the file as it is now; null while it is valid, and served. */
  readonly flaw: SupergraphFileCode | null
  close(): Promise<void>
}

/** How often the file is checked for a change. */
const checkMs = 250

/** Throws SupergraphFileError when the file cannot be served at start. Later, it is logged. */
export async function openSupergraphFile(options: SupergraphFileOptions): Promise<SupergraphFile> {
  const { file, logger } = options
  const connections = new Map<string, HttpConnection>()
  const build = (sdl: string): Promise<Supergraph> => buildSupergraph(sdl, options, connections)
  const state = fileStateOf(file)
  let text = await contentOf(file)
  const supergraph = replaceableSupergraph(await build(text))
  let flaw: SupergraphFileCode | null = null

  const reload = async (): Promise<void> => {
    try {
      const changed = await contentOf(file)
      if (changed === text) return void (flaw = null)
      await supergraph.replace(await build(changed))
      text = changed
      flaw = null
      logger.info({ file }, 'the gateway serves the changed supergraph')
    } catch (error) {
      if (!(error instanceof SupergraphFileError)) throw error
      flaw = error.code
      logger.error(
        { file, code: error.code, reason: error.message },
        'the changed supergraph cannot be served: the gateway continues with the previous one',
      )
    }
  }
  // One at a time, so that the latest content is the one that stays.
  let reloading = Promise.resolve()
  const onChange = (): void => {
    reloading = reloading.then(reload).catch((error: unknown) => {
      logger.error({ file, err: error }, 'the changed supergraph cannot be served because of a bug')
    })
  }
  const unfollow = followFile(file, state, checkMs, onChange)

  return {
    supergraph,
    get flaw() {
      return flaw
    },
    async close() {
      unfollow()
      await reloading
      await Promise.all([...connections.values()].map((connection) => connection.close()))
    },
  }
}

async function contentOf(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8')
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    throw new SupergraphFileError('SUPERGRAPH_UNREADABLE', `${file} cannot be read (${code})`, cause)
  }
}

/**
 * Builds the supergraph. `connections` are those that are open, by name and URL: a subgraph that stays keeps
 * its sockets. The sockets of one that leaves close by themselves once operations of the previous graph have
 * ended.
 */
async function buildSupergraph(
  sdl: string,
  { file, engine, headersFor, observe, timeoutMs }: SupergraphFileOptions,
  connections: Map<string, HttpConnection>,
): Promise<Supergraph> {
  const urls = await asFileError(file, () => subgraphUrls(sdl))
  if (urls.size === 0) {
    const message = `${file} names no subgraph (join__Graph): it is not a composed Federation 2 supergraph`
    throw new SupergraphFileError('SUPERGRAPH_INVALID', message)
  }
  const wrong = [...urls].filter(([, url]) => !/^https?:$/.test(URL.parse(url)?.protocol ?? ''))
  if (wrong.length > 0) {
    const named = wrong.map(([name, url]) => `${name} is at ${JSON.stringify(url)}`).join(', ')
    throw new SupergraphFileError(
      'SUBGRAPH_URL_INVALID',
      `${file}: a subgraph is called by http:// or https://, but ${named}`,
    )
  }
  const opened = new Map(
    [...urls].map(([name, url]) => {
      const headers = (context: unknown): Record<string, string> => headersFor(name, context)
      const existing = connections.get(`${name} ${url}`)
      return [`${name} ${url}`, existing ?? openHttpConnection(name, url, { headers, timeoutMs })] as const
    }),
  )
  const supergraph = await asFileError(file, async () => {
    const subgraphs = new Map(
      [...opened.values()].map((connection) => [connection.name, observe(connection)]),
    )
    const created = await openSupergraph({ ...engine, supergraphSdl: sdl, subgraphs })
    const [mistake] = validateSchema(created.schema)
    if (mistake) throw mistake
    return created
  })
  connections.clear()
  for (const [key, connection] of opened) connections.set(key, connection)
  return supergraph
}

async function asFileError<Value>(file: string, build: () => Value | Promise<Value>): Promise<Value> {
  try {
    return await build()
  } catch (error) {
    const { message } = error as Error
    if (error instanceof UnsupportedSupergraph)
      throw new SupergraphFileError('SUPERGRAPH_UNSUPPORTED', `${file}: ${message}`, error)
    const [at] = error instanceof GraphQLError ? (error.locations ?? []) : []
    const place = at ? `${file}:${at.line}:${at.column}` : file
    throw new SupergraphFileError('SUPERGRAPH_INVALID', `${place}: ${message}`, error)
  }
}
