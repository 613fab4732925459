// Determines the payment scheme of a code. Sources: the schemes' public specifications, and codes in use.

import type { Template } from './mpm.ts'

/** Schemes by the start of the globally unique identifier (sub-field 00), in capitals. */
const byIdentifier: readonly (readonly [string, string])[] = [
  ['A000000677', 'PromptPay'], // …010111 credit transfer, …010112 bill payment, …010113 cross-border
  ['A000000727', 'VietQR'],
  ['ID.CO.QRIS.WWW', 'QRIS'],
  ['A005266284662577', 'LAO QR'],
  ['SG.SGQR', 'SGQR'],
  ['SG.PAYNOW', 'PayNow'],
  ['PH.PPMI.', 'QR Ph'],
  ['COM.P2PQRPAY', 'QR Ph'],
  ['A000000615', 'DuitNow'],
  ['BR.GOV.BCB.PIX', 'PIX'],
  ['LK.LANKAQR', 'LankaQR'],
  ['COM.ZEROPAY', 'ZeroPay'],
  ['KR.OR.ZEROPAY', 'ZeroPay'],
  ['JP.OR.PAYMENTSJAPAN', 'JPQR'],
  ['HK.COM.HKICL', 'FPS'],
  ['CO.COM.RBM.', 'Redeban'],
]

/** Schemes of countries with one national code, whose accounts have the identifiers of institutions. */
const byCountry: Readonly<Record<string, string>> = {
  AR: 'Transferencias 3.0',
  ID: 'QRIS',
  KH: 'KHQR',
  LK: 'LankaQR',
}

/** Ids 02–16, which EMVCo assigned to card schemes: the last id of each pair. */
const byTag: readonly (readonly [number, string])[] = [
  [16, 'UnionPay'],
  [14, 'JCB'],
  [12, 'American Express'],
  [10, 'Discover'],
  [5, 'Mastercard'],
  [3, 'Visa'],
]

/**
 * The scheme of a code with these merchant accounts; null when it is unknown. A national identifier has
 * priority over the country, and the country over the accounts of card schemes.
 */
export function schemeOf(accounts: readonly Template[], country: string | null): string | null {
  return schemeByIdentifier(accounts) ?? byCountry[country ?? ''] ?? schemeByTag(accounts)
}

/** Searches from the last account, because SGQR and QRIS have the identifier of the whole code in 51. */
function schemeByIdentifier(accounts: readonly Template[]): string | null {
  for (let at = accounts.length - 1; at >= 0; at--) {
    const identifier = accounts[at]!.guid?.toUpperCase()
    if (!identifier) continue
    for (const [beginning, scheme] of byIdentifier) if (identifier.startsWith(beginning)) return scheme
  }
  return null
}

function schemeByTag(accounts: readonly Template[]): string | null {
  const tags = accounts.map((account) => Number(account.tag))
  for (const [last, scheme] of byTag) if (tags.some((tag) => tag === last || tag === last - 1)) return scheme
  return null
}

/** Schemes by registered application provider: the first five bytes of an application id. */
const byProvider: Readonly<Record<string, string>> = {
  A000000333: 'UnionPay',
  A000000003: 'Visa',
  A000000004: 'Mastercard',
  A000000025: 'American Express',
  A000000065: 'JCB',
  A000000152: 'Discover',
}

/** The scheme of an application id in hexadecimal capitals; null when it is unknown. */
export const schemeOfApplication = (aid: string): string | null => byProvider[aid.slice(0, 10)] ?? null
