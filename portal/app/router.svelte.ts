// The address: which page is shown, and the view that the address holds.

import { tick } from 'svelte'

interface Route {
  path: string
  query: URLSearchParams
}

export const route: Route = $state({
  path: location.pathname,
  query: new URLSearchParams(location.search),
})

function read(): void {
  route.path = location.pathname
  route.query = new URLSearchParams(location.search)
}

/** Shows another page, at its top. */
export async function goTo(to: string): Promise<void> {
  history.pushState(null, '', to)
  read()
  await tick()
  scrollTo(0, 0)
}

/** Changes parameters of the address without a new page: null or an empty text removes one. */
export function setQuery(changes: Readonly<Record<string, string | null>>, push = false): void {
  const query = new URLSearchParams(location.search)
  for (const [name, value] of Object.entries(changes)) {
    if (value === null || value === '') query.delete(name)
    else query.set(name, value)
  }
  const text = query.toString()
  const to = text ? `${location.pathname}?${text}` : location.pathname
  if (push) history.pushState(null, '', to)
  else history.replaceState(null, '', to)
  read()
}

/** The address of this page with other parameters, for a link. */
export function hrefWith(changes: Readonly<Record<string, string | null>>): string {
  const query = new URLSearchParams(route.query)
  for (const [name, value] of Object.entries(changes)) {
    if (value === null || value === '') query.delete(name)
    else query.set(name, value)
  }
  return `${route.path}?${query}`
}

/** Follows links within the portal without loading the page again. */
export function startRouter(): void {
  addEventListener('popstate', read)
  document.addEventListener('click', (event) => {
    if (event.defaultPrevented || event.button !== 0) return
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return
    const link = (event.target as Element).closest('a')
    if (!link || link.target || link.hasAttribute('download') || link.origin !== location.origin) return
    if (link.hash && link.pathname === location.pathname) return
    if (link.dataset.page === undefined) return
    event.preventDefault()
    void goTo(link.pathname + link.search)
  })
}
