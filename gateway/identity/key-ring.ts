// The key ring: all valid API keys in memory, kept current by a change stream.

import type { Logger } from '../../subgraphs/platform/logger.ts'
import type { Viewer } from '../../subgraphs/shared/viewer.ts'
import { demoKeyHashes, hashKey, viewerOf, type ApiKey, type KeyHash } from './key.ts'
import type { KeyStore } from './key-store.ts'

export interface KeyRing {
  /**
   * The viewer of `key`: the same object until the key changes. Null for an unknown or revoked key.
   * `authorization` is the header that the key is from.
   */
  find(key: string, authorization?: string): Viewer | null
  /** The viewer that `find` has given for a header lately, without reading it; undefined for others. */
  known(authorization: string): Viewer | undefined
  /** False once the key of `viewer` was revoked or changed. */
  isValid(viewer: Viewer): boolean
  /** Calls `listener` after each change of any key, until the function that is returned is called. */
  onChange(listener: () => void): () => void
  /** Stores which keys were used, and ends. */
  close(): Promise<void>
}

/** How often the uses of keys are stored. */
const usesMs = 30_000
/** Headers that are known at once. */
const knownMax = 1_000

/** A caller whose key is in no database. */
export interface Guest {
  readonly key: string
  readonly viewer: Viewer
}

export interface KeyRingOptions {
  /** Whether the demo keys are valid. */
  readonly allowDemo: boolean
  /** Their keys are valid while the ring is open. */
  readonly guests?: readonly Guest[]
  readonly logger: Logger
}

/** Reads all keys, and follows their changes until `close`. */
export async function openKeyRing(
  store: Pick<KeyStore, 'all' | 'watch' | 'storeUses'>,
  { allowDemo, guests = [], logger }: KeyRingOptions,
): Promise<KeyRing> {
  const guestByHash = new Map(guests.map(({ key, viewer }) => [hashKey(key), viewer]))
  /** By header, of keys found since any key changed or uses were stored: these are not hashed again. */
  const known = new Map<string, Viewer>()
  const listeners = new Set<() => void>()
  let entries: ReadonlyMap<KeyHash, RingEntry> = new Map()
  let viewers: ReadonlySet<Viewer> = new Set()

  // Keys are few and rarely change: reading all of them again is simpler than merging changes, and cannot
  // drift.
  async function reload(): Promise<void> {
    const keys = await store.all()
    entries = updateEntries(entries, keys.filter(isAllowed))
    known.clear()
    viewers = new Set([...guestByHash.values(), ...[...entries.values()].map(({ viewer }) => viewer)])
    for (const listener of listeners) listener()
  }
  const isAllowed = ({ _id, revokedAt }: ApiKey): boolean =>
    !revokedAt && (allowDemo || !demoKeyHashes.has(_id))

  const watch = await store.watch(reload, logger)
  let used = new Set<KeyHash>()
  const storeUses = async (): Promise<void> => {
    const at = new Date()
    const found = new Map([...used].map((keyHash) => [keyHash, at]))
    used = new Set()
    known.clear()
    await store
      .storeUses(found)
      .catch((error: unknown) =>
        logger.warn({ err: error }, 'the times at which keys were used could not be stored'),
      )
  }
  const storing = setInterval(() => void storeUses(), usesMs).unref()
  return {
    find(key, authorization = key) {
      const keyHash = hashKey(key)
      const viewer = entries.get(keyHash)?.viewer
      if (!viewer) return guestByHash.get(keyHash) ?? null
      if (known.size >= knownMax) known.clear()
      known.set(authorization, viewer)
      used.add(keyHash)
      return viewer
    },
    known: (authorization) => known.get(authorization),
    isValid: (viewer) => viewers.has(viewer),
    onChange(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    async close() {
      clearInterval(storing)
      await storeUses()
      await watch.close()
    },
  }
}

interface RingEntry {
  readonly key: ApiKey
  readonly viewer: Viewer
}

/** The entries of `keys`. A key that has not changed keeps its viewer. */
function updateEntries(
  previous: ReadonlyMap<KeyHash, RingEntry>,
  keys: readonly ApiKey[],
): ReadonlyMap<KeyHash, RingEntry> {
  return new Map(
    keys.map((key) => {
      const entry = previous.get(key._id)
      return [key._id, entry && isSame(entry.key, key) ? entry : { key, viewer: viewerOf(key) }]
    }),
  )
}

const isSame = (a: ApiKey, b: ApiKey): boolean =>
  a.participant === b.participant &&
  a.label === b.label &&
  a.scopes.join() === b.scopes.join() &&
  a.expiresAt?.getTime() === b.expiresAt?.getTime() &&
  a.certificate === b.certificate
