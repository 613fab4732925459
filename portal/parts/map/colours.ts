// The colours of a canvas: those of the style sheet, in the theme of the moment.

export interface Colours {
  readonly land: string
  readonly text: string
  readonly muted: string
  readonly surface: string
  readonly accent: string
  readonly good: string
  readonly bad: string
  readonly wait: string
}

export function coloursOf(element: Element): Colours {
  const style = getComputedStyle(element)
  const read = (name: string) => style.getPropertyValue(`--${name}`)
  return {
    land: read('land'),
    text: read('text'),
    muted: read('muted'),
    surface: read('surface'),
    accent: read('accent'),
    good: read('good'),
    bad: read('bad'),
    wait: read('wait'),
  }
}

/** Calls back when the browser changes between light and dark. */
export function onSchemeChange(change: () => void): () => void {
  const query = matchMedia('(prefers-color-scheme: dark)')
  query.addEventListener('change', change)
  return () => query.removeEventListener('change', change)
}
