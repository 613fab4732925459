// What differs between two JSON values, by path.

export interface Difference {
  readonly path: string
  readonly before: string
  readonly after: string
}

/** `before` and `after` are JSON as the audit stores it; null where there was nothing. */
export function differences(before: string | null, after: string | null): readonly Difference[] {
  const old = flat(before)
  const fresh = flat(after)
  return [...new Set([...old.keys(), ...fresh.keys()])]
    .filter((path) => old.get(path) !== fresh.get(path))
    .map((path) => ({ path, before: old.get(path) ?? '–', after: fresh.get(path) ?? '–' }))
}

function flat(json: string | null): Map<string, string> {
  const values = new Map<string, string>()
  const add = (value: unknown, path: string): void => {
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
      for (const [name, member] of Object.entries(value)) add(member, path ? `${path}.${name}` : name)
    } else values.set(path, JSON.stringify(value))
  }
  if (json !== null) {
    try {
      add(JSON.parse(json), '')
    } catch {
      values.set('', json)
    }
  }
  return values
}
