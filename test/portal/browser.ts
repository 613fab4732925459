// A real Chromium for a test file. Its pages share contexts, so that scripts are fetched and compiled once.

import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import type Axe from 'axe-core'
import type { BrowserContext, Locator, Page } from 'playwright-core'
import { afterAll, expect, onTestFinished, type TestContext } from 'vitest'
import { launch } from './chromium.ts'

const axeText = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

export interface PageOptions {
  /** The key of the tab's session; none for a visitor. */
  readonly key?: string
  readonly width?: number
  readonly dark?: boolean
  /** Leaves motion on, which is off in other tests. */
  readonly moves?: boolean
  /** Of the portal; English when absent. */
  readonly language?: 'zh'
  /** A tab of its own, which keeps its settings to itself: language, theme, columns. */
  readonly own?: boolean
  /** Runs before the page is opened. */
  readonly before?: (page: Page) => Promise<unknown>
}

export interface TestBrowser {
  /**
   * Opens a page until the end of the test, in the tab of an earlier test with the same key if there is one.
   * The file fails on an error of a script or of the policy.
   */
  open(url: string, options?: PageOptions): Promise<Page>
  /** Errors of all pages so far. */
  readonly errors: readonly string[]
}

/** Starts a Chromium, which the end of the test file closes. */
export async function startBrowser(args: readonly string[] = []): Promise<TestBrowser> {
  const browser = await launch(args)
  afterAll(() => browser.close())
  const errors: string[] = []
  const contexts: Record<string, Promise<BrowserContext>> = {}
  /** Tabs that no test uses. To load one and to close it takes longer than most journeys in it. */
  const free: Record<string, Page[]> = {}
  return {
    errors,
    async open(url, options = {}) {
      const { key, width = 1440, dark = false, moves = false, own = false, language, before } = options
      const { origin, pathname, search } = new URL(url)
      const size = { width, height: width < 600 ? 844 : 900 }
      // A visitor has a tab of its own, because it may leave a key in it.
      const tabs =
        own || before || language || !key ? null : (free[`${origin} ${key} ${dark} ${moves}`] ??= [])
      const tab = tabs?.pop()
      if (tab) {
        onTestFinished(({ task }) => endIn(tab, tabs!, task))
        // A tab behind another is drawn seldom, and is slow to respond.
        await tab.bringToFront()
        await tab.setViewportSize(size)
        await tab.emulateMedia({ colorScheme: dark ? 'dark' : 'light' })
        await visit(tab, pathname + search)
        return tab
      }
      const openContext = () =>
        browser.newContext({
          colorScheme: dark ? 'dark' : 'light',
          locale: 'en-GB',
          reducedMotion: moves ? 'no-preference' : 'reduce',
        })
      const context = await (own ? openContext() : (contexts[`${dark} ${moves}`] ??= openContext()))
      const page = await context.newPage()
      onTestFinished(({ task }) => {
        if (tabs) return endIn(page, tabs, task)
        return own ? context.close() : page.close()
      })
      await page.setViewportSize(size)
      page.setDefaultTimeout(patient.timeout)
      noteErrors(page, origin, key, errors)
      if (key) await page.addInitScript((text) => sessionStorage.setItem('crossgate.key', text), key)
      if (language)
        await page.addInitScript((text) => localStorage.setItem('crossgate.language', text), language)
      await before?.(page)
      // What a test waits for is later than the first bytes; no test waits for all pictures and fonts.
      await page.goto(url, { waitUntil: 'commit' })
      return page
    },
  }
}

function noteErrors(page: Page, origin: string, key: string | undefined, errors: string[]): void {
  page.on('pageerror', ({ message }) => errors.push(message))
  page.on('console', (message) => {
    if (message.type() === 'error' && /Content Security Policy|Trusted/.test(message.text()))
      errors.push(message.text())
  })
  page.on('request', (request) => {
    const to = request.url()
    // The portal calls its hub alone, and no address holds a key.
    if (new URL(to).protocol.startsWith('http') && new URL(to).origin !== origin)
      errors.push(`a request to ${to}`)
    if (key && to.includes(key)) errors.push(`a key in ${to}`)
  })
}

/** Leaves a tab for the next test. It shows no page, so that no stream, dialog or form is left in it. */
async function endIn(tab: Page, free: Page[], { result }: Readonly<TestContext['task']>): Promise<void> {
  if (result?.state === 'fail') return tab.close()
  await visit(tab, '/nowhere')
  await tab.getByText('There is no such page').waitFor()
  free.push(tab)
}

/** Shows another page of the portal in a tab, as a link does: no script is loaded again. */
export async function visit(page: Page, path: string): Promise<void> {
  await page.evaluate((to) => {
    history.pushState(null, '', to)
    dispatchEvent(new PopStateEvent('popstate'))
  }, path)
}

/** Presses Tab until the focus is on what has this name, as a viewer without a pointer does. */
export async function tabTo(page: Page, name: string | RegExp): Promise<void> {
  const seen: string[] = []
  for (let n = 0; n < 150; n++) {
    await page.keyboard.press('Tab')
    const text = await page.evaluate(() => {
      const at = document.activeElement as HTMLElement | null
      const labels = at instanceof HTMLInputElement || at instanceof HTMLSelectElement ? at.labels : null
      return (at?.getAttribute('aria-label') ?? labels?.[0]?.innerText ?? at?.innerText ?? '').trim()
    })
    seen.push(text)
    if (typeof name === 'string' ? text === name : name.test(text)) return
  }
  throw new Error(`the focus never reached ${String(name)}, but ${seen.join(' | ')}`)
}

/** A busy machine takes its time. */
export const patient = { timeout: 20_000 }

/** Waits until no part of the page loads. */
export async function expectLoaded(page: Page): Promise<void> {
  await expect.poll(() => page.locator('.state.loading').count(), patient).toBe(0)
}

/** Expects that it appears in time. */
export async function expectShown(locator: Locator): Promise<void> {
  await locator.waitFor()
  expect(await locator.count()).toBe(1)
}

/** What a theme or the width of the window can change. */
const appearance = ['color-contrast', 'link-in-text-block', 'target-size', 'scrollable-region-focusable']

/**
 * Expects no violation of WCAG 2.2 AA, and nothing wider than the window. Of a long table it takes the first
 * rows: the others have the same form.
 */
export async function expectAccessible(page: Page, rules?: 'appearance'): Promise<void> {
  // Evaluated by the debugger, which the policy of the page does not bind.
  if (!(await page.evaluate(() => 'axe' in globalThis))) await page.evaluate(axeText)
  const runOnly = rules ? appearance : ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa']
  const violations = await page.evaluate(async (only) => {
    const { axe } = globalThis as unknown as { axe: typeof Axe }
    const context = { exclude: 'tbody tr:nth-child(n + 40)' }
    const found = await axe.run(context, { resultTypes: ['violations'], runOnly: only })
    return found.violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' | ')}`)
  }, runOnly)
  expect(violations).toEqual([])
  const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)
  expect(overflow).toBeLessThanOrEqual(0)
}
