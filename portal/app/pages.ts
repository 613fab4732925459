// The pages: their addresses, the scope that each needs, and their scripts, which load when they are shown.

import type { Component } from 'svelte'

export type PageName =
  | 'start'
  | 'sandbox'
  | 'live'
  | 'payments'
  | 'payment'
  | 'coverage'
  | 'corridors'
  | 'corridor'
  | 'operator'
  | 'developers'

export interface Page {
  readonly name: PageName
  /** A group in it is the id that the page shows. */
  readonly path: RegExp
  /** The link in the navigation; null for pages that others lead to. */
  readonly href: string | null
  /** Null for a page that needs no key. */
  readonly scope: string | null
  readonly load: () => Promise<{ default: Component<never> }>
}

export const pages: readonly Page[] = [
  { name: 'start', path: /^\/$/, href: '/', scope: null, load: () => import('../pages/Start.svelte') },
  {
    name: 'sandbox',
    path: /^\/sandbox$/,
    href: '/sandbox',
    scope: 'payments:write',
    load: () => import('../pages/Sandbox.svelte'),
  },
  {
    name: 'live',
    path: /^\/live$/,
    href: '/live',
    scope: 'payments:read',
    load: () => import('../pages/Live.svelte'),
  },
  {
    name: 'payments',
    path: /^\/payments$/,
    href: '/payments',
    scope: 'payments:read',
    load: () => import('../pages/Payments.svelte'),
  },
  {
    name: 'payment',
    path: /^\/payments\/([\w-]+)$/,
    href: null,
    scope: 'payments:read',
    load: () => import('../pages/Payment.svelte'),
  },
  {
    name: 'coverage',
    path: /^\/coverage$/,
    href: '/coverage',
    scope: 'coverage:read',
    load: () => import('../pages/Coverage.svelte'),
  },
  {
    name: 'corridors',
    path: /^\/corridors$/,
    href: '/corridors',
    scope: 'coverage:read',
    load: () => import('../pages/Corridors.svelte'),
  },
  {
    name: 'corridor',
    path: /^\/corridors\/([\w-]+)$/,
    href: null,
    scope: 'coverage:read',
    load: () => import('../pages/Corridor.svelte'),
  },
  {
    name: 'operator',
    path: /^\/operator$/,
    href: '/operator',
    scope: 'operator',
    load: () => import('../pages/Operator.svelte'),
  },
  {
    name: 'developers',
    path: /^\/developers$/,
    href: '/developers',
    scope: 'coverage:read',
    load: () => import('../pages/Developers.svelte'),
  },
]

/** The page of a path, and the id in it; null when there is none. */
export function pageAt(path: string): { page: Page; id: string } | null {
  for (const page of pages) {
    const match = page.path.exec(path)
    if (match) return { page, id: decodeURIComponent(match[1] ?? '') }
  }
  return null
}
