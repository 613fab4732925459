// Who is calling: every key that stands, in memory, kept fresh by a change stream.
import { demoKeyHashes, hashKey, viewerOf, type ApiKey } from './key.ts'
import type { Viewer } from '../../subgraphs/shared/viewer.ts'
import type { KeyStore } from './key-store.ts'
import type { Logger } from '../../subgraphs/platform/logger.ts'

export interface KeyRing {
  /** The viewer that `key` stands for; the same object as long as the key stands unchanged. Null for an unknown or revoked key. */
  find(key: string): Viewer | null
  /** False once `viewer`'s key was revoked or changed. */
  stands(viewer: Viewer): boolean
  /** Calls `listener` after each change of any key; what it returns takes the listener away. */
  onChange(listener: () => void): () => void
  close(): Promise<void>
}

/** Somebody with a key that is in no database. */
export interface Guest {
  readonly key: string
  readonly viewer: Viewer
}

export interface KeyRingOptions {
  /** Whether the demo keys stand. */
  readonly allowDemo: boolean
  /** Keys that stand as long as the ring is open. */
  readonly guests?: readonly Guest[]
  readonly logger: Logger
}

/** Reads all keys and follows their changes. */
export async function openKeyRing(
  store: KeyStore,
  { allowDemo, guests = [], logger }: KeyRingOptions,
): Promise<KeyRing> {
  const guestByHash = new Map(guests.map(({ key, viewer }) => [hashKey(key), viewer]))
  const listeners = new Set<() => void>()
  let held = new Map<string, { readonly key: ApiKey; readonly viewer: Viewer }>()
  let standing = new Set<Viewer>()

  const stands = (key: ApiKey): boolean => !key.revokedAt && (allowDemo || !demoKeyHashes.has(key._id))

  // Keys are few and rarely change: reading all of them again is simpler than merging changes, and cannot drift.
  async function reload(): Promise<void> {
    const keys = await store.all()
    const next: typeof held = new Map()
    for (const key of keys.filter(stands)) {
      const known = held.get(key._id)
      next.set(key._id, known && isSame(known.key, key) ? known : { key, viewer: viewerOf(key) })
    }
    held = next
    standing = new Set([...guestByHash.values(), ...[...held.values()].map(({ viewer }) => viewer)])
    for (const listener of listeners) listener()
  }

  const { close } = await store.watch(reload, logger)
  return {
    find(key) {
      const keyHash = hashKey(key)
      return held.get(keyHash)?.viewer ?? guestByHash.get(keyHash) ?? null
    },
    stands: (viewer) => standing.has(viewer),
    onChange(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    close,
  }
}

const isSame = (a: ApiKey, b: ApiKey): boolean =>
  a.participant === b.participant && a.label === b.label && a.scopes.join() === b.scopes.join()
