import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, afterEach, describe, expect, test, vi } from 'vitest'
import type { JoinedSubgraph } from '../../../gateway/joining/graph-keeper.ts'
import { openSubgraphsFile, type SubgraphsFile } from '../../../gateway/joining/subgraphs-file.ts'
import { aPartner } from '../../fixtures/a-partner.ts'

const folder = mkdtempSync(path.join(tmpdir(), 'subgraphs-'))
afterAll(() => rmSync(folder, { recursive: true }))
const file = path.join(folder, 'subgraphs.json')
const sdl = 'type Query { tip: String }'
const partner = await aPartner(sdl, { Query: { tip: () => 'cash' } })
afterAll(() => partner.close())

/** A busy machine may take long to notice a change. */
const busy = { timeout: 25_000 }

const opened: SubgraphsFile[] = []
afterEach(() => opened.splice(0).forEach((one) => one.close()))

const write = (content: unknown): void =>
  writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content))

interface Follows {
  readonly taken: (readonly JoinedSubgraph[])[]
  readonly lines: { readonly line: string; readonly details: Record<string, unknown> }[]
}

async function follow(content: unknown): Promise<Follows> {
  write(content)
  const taken: Follows['taken'] = []
  const lines: Follows['lines'] = []
  const log = (details: object | string, line?: string) =>
    void lines.push({ line: line ?? '', details: details as Record<string, unknown> })
  const follower = await openSubgraphsFile({
    file,
    reach: 'LOOPBACK',
    take: async (subgraphs) => void taken.push(subgraphs),
    logger: { warn: log, error: log },
    checkMs: 20,
  })
  opened.push(follower)
  return { taken, lines }
}

const tips = { name: 'tips', url: partner.url }
const joined = expect.objectContaining({ name: 'tips', url: partner.url, headers: {} })

describe('the file of subgraphs', () => {
  test('joins what it names, with the SDL that each gives', async () => {
    const { taken } = await follow({ subgraphs: [tips] })
    expect(taken).toEqual([[joined]])
    expect(taken[0]![0]!.sdl).toContain('tip: String')
  })

  test('is followed: an entry that is added joins, and one that is removed leaves', async () => {
    const { taken } = await follow({ subgraphs: [] })
    expect(taken).toEqual([[]])
    write({ subgraphs: [tips] })
    // A file that is written is empty for a moment, so one write can be two changes.
    await vi.waitFor(() => expect(taken.at(-1)).toEqual([joined]), busy)
    write({ subgraphs: [] })
    await vi.waitFor(() => expect(taken.at(-1)).toEqual([]), busy)
  })

  test('may name a file with the SDL, which is followed too', async () => {
    const sdlFile = path.join(folder, 'tips.graphql')
    writeFileSync(sdlFile, sdl)
    const { taken } = await follow({ subgraphs: [{ ...tips, sdl: 'tips.graphql' }] })
    expect(taken[0]).toMatchObject([{ sdl }])
    writeFileSync(sdlFile, `${sdl} type More { a: Int }`)
    const changed = [{ sdl: `${sdl} type More { a: Int }` }]
    await vi.waitFor(() => expect(taken.at(-1)).toMatchObject(changed), busy)
  })

  test.each([
    { what: 'no JSON', content: '{ "subgraphs": [', mistake: /^it is not JSON/ },
    { what: 'an unknown member', content: { subgraphs: [], more: 1 }, mistake: /^the file: / },
    {
      what: 'a name that is none',
      content: { subgraphs: [{ ...tips, name: 'My tips' }] },
      mistake: /^subgraphs\.0\.name: takes/,
    },
    {
      what: 'an address that the hub does not call',
      content: { subgraphs: [{ ...tips, url: 'https://169.254.169.254/' }] },
      mistake: /^subgraphs\.0\.url: ADDRESS_NOT_ALLOWED/,
    },
    {
      what: 'a name twice',
      content: { subgraphs: [tips, tips] },
      mistake: /^subgraphs\.1\.name: NAME_TAKEN/,
    },
  ])('with $what is refused at the start, and logged later', async ({ content, mistake }) => {
    await expect(follow(content)).rejects.toMatchObject({
      code: 'SUBGRAPHS_FILE_INVALID',
      mistakes: [expect.stringMatching(mistake)],
    })
    const { taken, lines } = await follow({ subgraphs: [tips] })
    write(content)
    const mistakes = [expect.stringMatching(mistake)]
    await vi.waitFor(() => expect(lines.at(-1)?.details).toEqual({ mistakes }), busy)
    expect(taken).toEqual([[joined]])
    write({ subgraphs: [tips, { ...tips, name: 'more' }] })
    await vi.waitFor(() => expect(taken.at(-1)).toHaveLength(2), busy)
  })

  test('joins a subgraph that is away once it is there', async () => {
    const late = await aPartner(sdl)
    await late.close()
    const { taken, lines } = await follow({ subgraphs: [tips, { name: 'late', url: late.url }] })
    expect(taken).toEqual([[joined]])
    expect(lines[0]!.details).toMatchObject({
      subgraph: 'late',
      reason: expect.stringContaining('cannot be reached'),
    })
    const back = await aPartner(sdl, {}, Number(new URL(late.url).port))
    await vi.waitUntil(() => taken.length > 1, busy)
    expect(taken.at(-1)!.map(({ name }) => name)).toEqual(['tips', 'late'])
    await back.close()
  })
})
