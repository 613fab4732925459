// How a QR product changes. No MongoDB, no GraphQL.

import { countryByCode } from '../../schema/values/country.ts'
import type { QrProductId } from '../../schema/values/id.ts'
import { refuse, type Refusal } from '../../schema/values/problems.ts'
import { unknownCountry } from '../../schema/values/unknown.ts'
import type { QrProduct } from './merchant.ts'

export interface QrProductInput {
  readonly id: QrProductId
  readonly expectedVersion: number
  readonly name?: string | null
  readonly country?: string | null
  readonly acceptsForeignWallets?: boolean | null
}

/** Requested changes; null leaves a field as it is. */
export type QrProductChange = {
  readonly [Name in keyof QrProductInput]-?: Exclude<QrProductInput[Name], undefined>
}

/** Refuses with BAD_VALUE or UNKNOWN_COUNTRY. */
export function readQrProduct(input: QrProductInput): QrProductChange | Refusal {
  const { id, expectedVersion, country = null, acceptsForeignWallets = null } = input
  const name = input.name?.trim() ?? null
  if (!/^[a-z0-9-]{3,40}$/.test(id)) {
    return refuse('BAD_VALUE', 'an id has 3–40 characters: a–z, 0–9 and dashes', ['input', 'id'])
  }
  if (name !== null && !/^\P{Cc}{1,120}$/u.test(name)) {
    const problem = 'a name has 1–120 characters, none of them a control character'
    return refuse('BAD_VALUE', problem, ['input', 'name'])
  }
  if (country !== null && !countryByCode(country)) return unknownCountry(country, ['input', 'country'])
  return { id, expectedVersion, name, country, acceptsForeignWallets }
}

/**
 * The product after `change`; null is a product that does not exist yet. Refuses with VERSION_CONFLICT,
 * NOT_FOUND or BAD_VALUE.
 */
export function changeQrProduct(product: QrProduct | null, change: QrProductChange): QrProduct | Refusal {
  const { id, expectedVersion, name, country, acceptsForeignWallets } = change
  if (!product) {
    if (expectedVersion !== 0) {
      const problem = 'there is no product with this id: `expectedVersion` 0 adds one'
      return refuse('NOT_FOUND', problem, ['input', 'id'])
    }
    if (name === null || country === null || acceptsForeignWallets === null) {
      const missing = name === null ? 'name' : country === null ? 'country' : 'acceptsForeignWallets'
      return refuse('BAD_VALUE', `a new product needs \`${missing}\``, ['input', missing])
    }
    return { id, name, country, acceptsForeignWallets, version: 1 }
  }
  const version = versionOf(product)
  if (expectedVersion !== version) {
    const problem = `${id} is at version ${version}, not ${expectedVersion}`
    return refuse('VERSION_CONFLICT', problem, ['input', 'expectedVersion'])
  }
  if (country !== null && country !== product.country) {
    const problem = `the product is used in ${product.country}: add another one for ${country}`
    return refuse('BAD_VALUE', problem, ['input', 'country'])
  }
  return {
    ...product,
    name: name ?? product.name,
    acceptsForeignWallets: acceptsForeignWallets ?? product.acceptsForeignWallets,
    version: version + 1,
  }
}

/** Products that were stored before they had versions are at version 1. */
export const versionOf = ({ version }: Pick<QrProduct, 'version'>): number => version ?? 1
