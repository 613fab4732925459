import { describe, expect, test } from 'vitest'
import { countryByCode } from '../../schema/values/country.ts'
import { isRefusal } from '../../schema/values/problems.ts'
import { statusMoves } from '../../subgraphs/participant/participant.ts'
import type { Participant } from '../../subgraphs/shared/registry.ts'
import { findRoute } from '../../subgraphs/shared/routing.ts'
import { aDataset, until } from '../fixtures/a-dataset.ts'
import { anId } from '../fixtures/an-id.ts'

const { participants, projects, corridors } = aDataset()
const byId = new Map(participants.map((participant) => [participant.id, participant]))
const live = (role: string): Participant[] =>
  participants.filter(({ roles, status }) => status === 'LIVE' && roles.includes(role as never))
const foreignWallets = live('WALLET').filter(({ country }) => country !== 'CN')

describe('participants', () => {
  test('include 172 LIVE foreign wallets of 30 countries and regions, and mainland wallets', () => {
    expect(foreignWallets).toHaveLength(172)
    expect(new Set(foreignWallets.map(({ country }) => country)).size).toBe(30)
    expect(live('WALLET').length).toBeGreaterThan(172)
  })

  test('include those of the demo keys', () => {
    expect(byId.get(anId('operator'))?.roles).toEqual(['OPERATOR'])
    expect(byId.get(anId('portal-demo'))).toMatchObject({ roles: ['NETWORK'], country: 'SG', status: 'LIVE' })
    expect(byId.get(anId('wallet-sg-01'))).toMatchObject({ settlementCurrency: 'SGD', status: 'LIVE' })
    expect(byId.get(anId('acquirer-cn-01'))).toMatchObject({ country: 'CN', status: 'LIVE' })
  })

  test('have unique ids, institution numbers and names', () => {
    expect(byId.size).toBe(participants.length)
    expect(new Set(participants.map(({ name }) => name)).size).toBe(participants.length)
    const iins = participants.flatMap(({ iin }) => iin ?? [])
    expect(new Set(iins).size).toBe(iins.length)
    for (const iin of iins) expect(iin).toMatch(/^\d{8}$/)
    for (const { iin, roles } of participants) {
      if (roles.includes('WALLET') || roles.includes('ACQUIRER')) expect(iin).not.toBeNull()
    }
  })

  test('have names that are marked as invented or simulated', () => {
    for (const { name } of participants) expect(name).toMatch(/ \((invented|simulated)\)$/)
  })

  test('connect directly on the mainland and through UnionPay International elsewhere', () => {
    for (const { country, roles, network } of participants) {
      expect(network).toBe(country === 'CN' || roles.includes('NETWORK') ? null : 'network-unionpay')
    }
    expect(byId.get(anId('network-unionpay'))?.status).toBe('LIVE')
  })

  test('have the status of their history, by allowed moves; LIVE ones since before the first payment', () => {
    const firstPayment = [...aDataset(1, 0.001).payments][0]!.createdAt
    const statuses = new Set<string>()
    for (const { id, status, statusHistory } of participants) {
      statuses.add(status)
      expect(statusHistory[0]).toMatchObject({ from: null, to: 'APPLIED', by: id })
      expect(statusHistory.at(-1)!.to).toBe(status)
      statusHistory.slice(1).forEach((change, index) => {
        const before = statusHistory[index]!
        expect(change.from).toBe(before.to)
        expect(statusMoves[before.to]).toContain(change.to)
        expect(change.at.getTime()).toBeGreaterThan(before.at.getTime())
        expect(change.by).toBe('operator')
      })
      expect(statusHistory.at(-1)!.at.getTime()).toBeLessThan(until.getTime())
      if (status === 'LIVE') expect(statusHistory.at(-1)!.at.getTime()).toBeLessThan(firstPayment.getTime())
    }
    expect([...statuses].toSorted()).toEqual(Object.keys(statusMoves).toSorted())
  })

  test('have certificates for more than a year when they are LIVE', () => {
    const oneYearOn = until.getTime() + 365 * 86_400_000
    for (const { capabilities } of [...live('WALLET'), ...live('ACQUIRER')]) {
      expect(capabilities.length).toBeGreaterThan(2)
      for (const { passed, validUntil } of capabilities) {
        expect(passed).toBe(true)
        expect(validUntil!.getTime()).toBeGreaterThan(oneYearOn)
      }
    }
  })
})

describe('projects', () => {
  test('are 19 in 19 countries, the published ones with their partnership models', () => {
    expect(projects).toHaveLength(19)
    expect(new Set(projects.map(({ country }) => country)).size).toBe(19)
    const models = Object.fromEntries(projects.map(({ id, model }) => [id, model]))
    expect(models).toMatchObject({
      'vn-napas': 'G2G',
      'id-qris': 'G2G',
      'kh-khqr': 'N2N',
      'la-lao-qr': 'N2N',
      'my-duitnow': 'N2N',
      'sg-sgqr': 'N2N',
      'kr-zeropay': 'N2N',
      'jp-qr': 'N2N',
      'lk-lankaqr': 'N2N',
      'ar-qr': 'N2N',
    })
  })

  test('are marked as illustrative unless they are published', () => {
    expect(projects.filter(({ name }) => name.endsWith('(illustrative)'))).toHaveLength(9)
  })

  test('have an acquirer and a network in their country', () => {
    for (const { id, country } of projects) {
      expect(live('ACQUIRER').filter((acquirer) => acquirer.country === country).length).toBeGreaterThan(0)
      expect(byId.get(anId(`network-${id}`))?.country).toBe(country)
    }
  })
})

describe('corridors', () => {
  test('lead from each wallet country to the mainland and from the mainland to each project country', () => {
    const count = (direction: string) =>
      corridors.filter((corridor) => corridor.direction === direction).length
    expect(count('INBOUND')).toBe(30)
    expect(count('OUTBOUND')).toBe(19)
    expect(count('LOCAL')).toBeGreaterThan(4)
    expect(count('THIRD_MARKET')).toBeGreaterThan(10)
    expect(new Set(corridors.map(({ id }) => id)).size).toBe(corridors.length)
  })

  test('have an id of their countries and the direction of their countries', () => {
    for (const { id, direction, walletCountry, merchantCountry, currencies } of corridors) {
      expect(id).toBe(`${walletCountry}-${merchantCountry}`)
      const expected =
        merchantCountry === walletCountry
          ? 'LOCAL'
          : merchantCountry === 'CN'
            ? 'INBOUND'
            : walletCountry === 'CN'
              ? 'OUTBOUND'
              : 'THIRD_MARKET'
      expect(direction).toBe(expected)
      expect(currencies).toEqual([countryByCode(merchantCountry)!.currency])
    }
  })

  test('have no fee up to CNY 200 and 3 % above when they are inbound', () => {
    for (const { direction, fees } of corridors) {
      if (direction !== 'INBOUND') continue
      expect(fees).toEqual({ freeUpTo: { minor: 20_000n, currency: 'CNY' }, basisPoints: 300 })
    }
  })

  test('have values within the limits for operators', () => {
    for (const { quoteTtlSeconds, authorizationTimeoutMs, limits, settlementZone } of corridors) {
      expect(quoteTtlSeconds).toBeGreaterThanOrEqual(60)
      expect(quoteTtlSeconds).toBeLessThanOrEqual(600)
      expect(authorizationTimeoutMs).toBe(8_000)
      expect(limits.perDay.minor).toBeGreaterThan(limits.perPayment.minor)
      expect(settlementZone.cutOff).toBe('23:00')
    }
  })

  test('have the limits of their partnership model', () => {
    const model = new Map(projects.map((project) => [project.id, project.model]))
    const limitsBy = Map.groupBy(corridors, ({ project }) =>
      project === null ? 'none' : model.get(project)!,
    )
    for (const group of limitsBy.values()) {
      expect(new Set(group.map(({ limits }) => limits.perPayment.minor)).size).toBe(1)
    }
    expect(new Set([...limitsBy.values()].map(([first]) => first!.limits.perPayment.minor)).size).toBe(3)
  })

  test('give every LIVE wallet a route by the rules of the hub', () => {
    const registry = {
      participants: byId,
      corridors: new Map(corridors.map((corridor) => [corridor.id, corridor])),
    }
    const merchant = aDataset().merchants.at(300)
    for (const wallet of foreignWallets) {
      for (const entryMode of merchant.entryModes) {
        const acquirer = byId.get(merchant.acquirer)
        const route = findRoute({ wallet, acquirer, merchant, entryMode, registry, now: until })
        expect(isRefusal(route) && route.message).toBe(false)
      }
    }
  })
})
