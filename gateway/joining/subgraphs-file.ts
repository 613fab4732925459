// Reads the file that SUBGRAPHS_FILE names, follows its changes, and fetches the SDL of its subgraphs.

import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { z } from 'zod'
import { isRefusal } from '../../schema/values/problems.ts'
import { fileStateOf, followFile, type FileState } from '../../subgraphs/platform/async/follow-file.ts'
import { pause } from '../../subgraphs/platform/async/promise.ts'
import type { Logger } from '../../subgraphs/platform/logger.ts'
import { readCallbackUrl } from '../../subgraphs/shared/callback-url.ts'
import { subgraphNameForm } from '../../subgraphs/shared/joined-subgraphs.ts'
import type { Reach } from '../../subgraphs/shared/reachable-address.ts'
import type { JoinedSubgraph } from './graph-keeper.ts'
import { fetchSdl } from './remote-sdl.ts'

const fileForm = z.strictObject({
  subgraphs: z
    .array(
      z.strictObject({
        name: z.string().regex(subgraphNameForm, 'takes 1–40 of a–z, 0–9 and dashes, a letter first'),
        url: z.string(),
        sdl: z.string().min(1).optional(),
        headers: z.record(z.string().regex(/^[\w-]+$/, 'takes names of headers'), z.string()).default({}),
      }),
    )
    .max(100),
})

interface Entry {
  readonly name: string
  readonly url: string
  /** The path of a file, from the folder of the settings; undefined to fetch it from the subgraph. */
  readonly sdl?: string | undefined
  readonly headers: Readonly<Record<string, string>>
}

/** Lists every mistake in the file on a line of its own, with its path: "subgraphs.0.url". */
class SubgraphsFileError extends Error {
  readonly code = 'SUBGRAPHS_FILE_INVALID'
  readonly mistakes: readonly string[]
  constructor(file: string, mistakes: readonly string[], cause?: unknown) {
    super(`SUBGRAPHS_FILE=${file} cannot be used:\n${mistakes.map((mistake) => `  ${mistake}`).join('\n')}`, {
      cause,
    })
    this.name = 'SubgraphsFileError'
    this.mistakes = mistakes
  }
}

export interface SubgraphsFileOptions {
  readonly file: string
  readonly reach: Reach
  /** Takes on the subgraphs of the file whose SDL was read. */
  readonly take: (subgraphs: readonly JoinedSubgraph[]) => Promise<unknown>
  readonly logger: Pick<Logger, 'warn' | 'error'>
  /** How often the files are checked for changes. Default: 500. */
  readonly checkMs?: number
}

export interface SubgraphsFile {
  close(): void
}

/**
 * Takes on what the file has now, and again after each change of it or of the SDL files that it names. A
 * subgraph that is away is tried again, and keeps its earlier SDL meanwhile. Throws `SubgraphsFileError` for
 * a file that is invalid at the start; a later mistake is logged, and the subgraphs stay.
 */
export async function openSubgraphsFile(options: SubgraphsFileOptions): Promise<SubgraphsFile> {
  const follower = new Follower(options)
  await follower.start()
  return follower
}

const retryMsMin = 1_000
const retryMsMax = 60_000

class Follower implements SubgraphsFile {
  readonly #options: SubgraphsFileOptions
  /** By file, what ends its watch. */
  readonly #watched = new Map<string, () => void>()
  /** The subgraphs whose SDL was read, by name. */
  #known: ReadonlyMap<string, JoinedSubgraph> = new Map()
  /** Aborted when the file changes: what waits for a subgraph of its earlier text ends. */
  #reading = new AbortController()

  constructor(options: SubgraphsFileOptions) {
    this.#options = options
  }

  async start(): Promise<void> {
    const { file, reach } = this.#options
    const state = fileStateOf(file)
    const entries = await readEntries(file, reach)
    this.#watch(file, state)
    await this.#takeOn(entries, this.#reading.signal)
  }

  close(): void {
    this.#reading.abort()
    for (const unwatch of this.#watched.values()) unwatch()
  }

  readonly #onChange = (): void => {
    this.#reading.abort()
    this.#reading = new AbortController()
    void this.#read(this.#reading.signal)
  }

  #watch(file: string, state: FileState): void {
    if (this.#watched.has(file)) return
    this.#watched.set(file, followFile(file, state, this.#options.checkMs ?? 500, this.#onChange))
  }

  async #read(signal: AbortSignal): Promise<void> {
    const { file, reach, logger } = this.#options
    try {
      const entries = await readEntries(file, reach)
      if (!signal.aborted) await this.#takeOn(entries, signal)
    } catch (error) {
      if (!(error instanceof SubgraphsFileError)) throw error
      logger.error(
        { mistakes: error.mistakes },
        `SUBGRAPHS_FILE=${file} has mistakes: the graph stays as it is`,
      )
    }
  }

  /**
   * Reads the SDL of each entry, and takes on those that gave one. The others are tried again in the
   * background until `signal` is aborted.
   */
  async #takeOn(entries: readonly Entry[], signal: AbortSignal, retryMs = retryMsMin): Promise<void> {
    const { take, logger } = this.#options
    const read = await Promise.all(entries.map((entry) => this.#subgraphOf(entry)))
    if (signal.aborted) return
    const found = read.flatMap(({ name, subgraph }) => subgraph ?? this.#known.get(name) ?? [])
    this.#known = new Map(found.map((subgraph) => [subgraph.name, subgraph]))
    await take(found)
    const away = read.filter(({ subgraph }) => subgraph === null)
    if (away.length === 0 || signal.aborted) return
    for (const { name, reason } of away)
      logger.warn(
        { subgraph: name, reason, retryMs },
        'a subgraph of SUBGRAPHS_FILE gave no SDL: trying again',
      )
    void pause(retryMs, signal).then(() =>
      signal.aborted ? undefined : this.#takeOn(entries, signal, Math.min(retryMs * 2, retryMsMax)),
    )
  }

  async #subgraphOf(
    entry: Entry,
  ): Promise<{ name: string; subgraph: JoinedSubgraph | null; reason: string }> {
    const { file, reach } = this.#options
    const { name, url, headers } = entry
    if (entry.sdl !== undefined) {
      const sdlFile = path.resolve(path.dirname(file), entry.sdl)
      this.#watch(sdlFile, fileStateOf(sdlFile))
      try {
        return { name, subgraph: { name, url, headers, sdl: await readFile(sdlFile, 'utf8') }, reason: '' }
      } catch (error) {
        return { name, subgraph: null, reason: (error as Error).message }
      }
    }
    const sdl = await fetchSdl(reach, { name, url, headers }, [])
    return isRefusal(sdl)
      ? { name, subgraph: null, reason: sdl.message }
      : { name, subgraph: { name, url, headers, sdl }, reason: '' }
  }
}

/** Reads and checks the file. Throws `SubgraphsFileError`. */
async function readEntries(file: string, reach: Reach): Promise<readonly Entry[]> {
  const read = fileForm.safeParse(await contentOf(file))
  if (!read.success) {
    const mistakes = read.error.issues.map(
      ({ path: at, message }) => `${at.join('.') || 'the file'}: ${message}`,
    )
    throw new SubgraphsFileError(file, mistakes)
  }
  const mistakes: string[] = []
  const entries = read.data.subgraphs.map((entry, n) => {
    const url = readCallbackUrl(entry.url, reach, [])
    if (!isRefusal(url)) return { ...entry, url }
    mistakes.push(`subgraphs.${n}.url: ${url.code}: ${url.message}`)
    return entry
  })
  entries.forEach(({ name }, n) => {
    if (entries.findIndex((other) => other.name === name) < n)
      mistakes.push(`subgraphs.${n}.name: NAME_TAKEN: another entry has the name "${name}"`)
  })
  if (mistakes.length > 0) throw new SubgraphsFileError(file, mistakes)
  return entries
}

async function contentOf(file: string): Promise<unknown> {
  let text: string
  try {
    text = await readFile(file, 'utf8')
  } catch (cause) {
    throw new SubgraphsFileError(
      file,
      [`it cannot be read (${(cause as NodeJS.ErrnoException).code})`],
      cause,
    )
  }
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new SubgraphsFileError(file, [`it is not JSON: ${(cause as Error).message}`], cause)
  }
}
