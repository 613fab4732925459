// The counts of merchants, compared with the merchants.

import { cellToParent, latLngToCell } from 'h3-js'
import { Check } from './check.ts'
import { Sum } from './fingerprint.ts'
import type { Snapshot } from './snapshot.ts'

interface Merchant extends Profile {
  readonly _id: string
  readonly location: { readonly coordinates: readonly [lng: number, lat: number] } | null
  readonly spot: string
  readonly place: number
  readonly profile: string
}

/** What merchants are counted by, besides their place. */
interface Profile {
  readonly country: string
  readonly acquirer: string
  readonly currency: string
  readonly mcc: string
  readonly scenario: string
  readonly online: boolean
  readonly status: string
  readonly entryModes: readonly string[]
  readonly qrProducts: readonly string[]
  readonly commonWords?: readonly string[]
}

const profileFields = [
  'country',
  'acquirer',
  'currency',
  'mcc',
  'scenario',
  'online',
  'status',
  'entryModes',
  'qrProducts',
  'commonWords',
] as const

/** Compares the counts of each spot with its merchants, and the profile and region of each merchant. */
export async function checkCoverage(snapshot: Snapshot): Promise<Check> {
  const check = new Check('coverage', 'coverage counts equal a recount of the merchants')
  const profiles = new Map<string, string>()
  for await (const profile of snapshot.find<Profile & { _id: string }>('coverageProfiles')) {
    profiles.set(profile._id, textOf(profile))
  }
  const recount = new Map<string, Sum>()
  const projection = Object.fromEntries(
    [...profileFields, 'location', 'spot', 'place', 'profile'].map((f) => [f, 1]),
  )
  for await (const merchant of snapshot.find<Merchant>('merchants', {}, { projection })) {
    const { _id, spot, place, profile, location } = merchant
    let sum = recount.get(spot)
    if (!sum) recount.set(spot, (sum = new Sum()))
    sum.add(`${String(place).padStart(2, '0')}${profile}`)
    check.expect(
      profiles.get(profile) === textOf(merchant),
      _id,
      () => 'is counted under another profile than its own',
    )
    const region = location === null ? '' : regionOf(location.coordinates)
    check.expect(
      spot.endsWith(`|${region}`),
      _id,
      () => `is counted in ${spot}, but lies in region ${region}`,
    )
  }
  interface Spot {
    readonly _id: string
    readonly counts: Readonly<Record<string, number>>
  }
  for await (const { _id, counts } of snapshot.find<Spot>('coverage')) {
    const stored = new Sum()
    for (const [entry, count] of Object.entries(counts)) if (count !== 0) stored.add(entry, count)
    const recounted = recount.get(_id) ?? new Sum()
    recount.delete(_id)
    check.expect(
      stored.equals(recounted),
      _id,
      () => `${stored.count} merchants stored, ${recounted.count} recounted, by place and profile`,
    )
  }
  for (const [spot, { count }] of recount) check.fail(spot, `has ${count} merchants, and is not stored`)
  return check
}

/** Regions are hexagons of H3 resolution 6, around those of resolution 8. */
const regionOf = ([lng, lat]: readonly [number, number]): string => cellToParent(latLngToCell(lat, lng, 8), 6)

const textOf = (profile: Profile): string =>
  profileFields
    .map((field) => {
      const value = profile[field]
      return typeof value === 'object' ? [...value].toSorted().join(',') : String(value)
    })
    .join('|')
