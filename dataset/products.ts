// Aggregated QR products: one sticker that many wallets can pay. Mainland ones only; abroad the scheme is the sticker.

import type { QrProduct } from '../subgraphs/merchant/index.ts'
import { mainland } from './countries.ts'
import { productNames } from './names.ts'

/** As the programme reports, August 2025; the others are invented. */
const acceptingForeignWallets = 232
const domesticOnly = 18

/** "qr-cn-001" and so on: first those that accept foreign wallets. */
export function makeProducts(seed: number): QrProduct[] {
  return productNames(seed, acceptingForeignWallets + domesticOnly).map((name, index) => ({
    id: `qr-cn-${String(index + 1).padStart(3, '0')}`,
    name,
    country: mainland.code,
    acceptsForeignWallets: index < acceptingForeignWallets,
  }))
}
