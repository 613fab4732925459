import { describe, expect, test } from 'vitest'
import { smallHub } from '../../fixtures/small-hub.ts'

const hub = await smallHub()
const get = (path: string): Promise<Response> => fetch(`${hub.url}/graphiql/${path}`)

/** Everything that a page, script or style sheet names to be loaded. */
const referencesIn = (text: string): string[] =>
  [...text.matchAll(/(?:src|href)="([^"#]+)"|\bfrom"(\.[^"]+)"|\bimport\("(\.[^"]+)"\)/g)]
    .map(([, attribute, from, dynamic]) => attribute ?? from ?? dynamic!)
    .filter((path) => path !== '/graphiql/')

describe('the IDE', () => {
  test('is served whole from this hub: each file that its page and scripts name is there', async () => {
    const page = await (await get('')).text()
    expect(page).toContain('<base href="/graphiql/">')
    const waiting = referencesIn(page)
    const seen = new Set<string>()
    while (waiting.length > 0) {
      const name = waiting.pop()!.replace(/^\.\//, '')
      if (seen.has(name)) continue
      seen.add(name)
      const response = await get(name)
      expect({ name, status: response.status }).toEqual({ name, status: 200 })
      const text = await response.text()
      if (name.endsWith('.js')) waiting.push(...referencesIn(text).filter((path) => path.endsWith('.js')))
    }
    expect([...seen]).toEqual(expect.arrayContaining(['main.js', 'polyfills.js', 'styles.css', 'start.js']))
  })

  test('may load and call nothing but this hub', async () => {
    for (const name of ['', 'main.js', 'start.js', 'iframe-sandbox/index.html']) {
      const policy = (await get(name)).headers.get('content-security-policy')
      expect(policy).toContain("default-src 'self'")
      expect(policy).not.toMatch(/https?:|\*/)
    }
  })

  test('starts with this hub’s addresses, and with operations and a demo key for each role', async () => {
    const script = await (await get('start.js')).text()
    expect(script).toContain("location.origin + '/graphql'")
    for (const key of ['demo-operator', 'demo-portal', 'demo-wallet', 'demo-acquirer'])
      expect(script).toContain(`"Authorization":"Bearer ${key}"`)
    expect(script).toContain('subscription FollowPayment')
  })

  test('in production starts without a key', async () => {
    const production = await smallHub({ MODE: 'production' })
    const script = await (await fetch(`${production.url}/graphiql/start.js`)).text()
    expect(script).not.toContain('demo-')
    await production.close()
  })

  test.each(['..%2f..%2findex.js', '%2e%2e/index.js', 'index.htm', 'assets'])(
    'serves nothing else: %s',
    async (path) => {
      expect((await get(path)).status).toBe(404)
    },
  )
})
