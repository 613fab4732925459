// The merchant directory of the transaction subgraph: queries the merchant subgraph by GraphQL, wherever it
// runs.

import { isCurrency, type Currency } from '../../schema/values/currency.ts'
import type { EntryMode } from '../../schema/values/entry-mode.ts'
import type { MerchantId, ParticipantId } from '../../schema/values/id.ts'
import { parseMoney, type Money } from '../../schema/values/money.ts'
import { isRefusal, refuse, type ProblemCode, type Refusal } from '../../schema/values/problems.ts'
import { createLoader } from '../../subgraphs/platform/async/batching.ts'
import type {
  MerchantDirectory,
  MerchantFacts,
  ScannedCode,
} from '../../subgraphs/shared/merchant-directory.ts'
import { hubParticipant } from '../../subgraphs/shared/registry.ts'
import type { RequestContext } from '../../subgraphs/shared/viewer.ts'
import type { SubgraphConnection, SubgraphOperation, Variables } from '../supergraph/connection.ts'

const facts = `
  fragment Facts on Merchant {
    id name acquirer { id } country { code } city currency mcc { code } status entryModes
  }
`

const merchantsDocument = `
  query Merchants($representations: [_Any!]!) {
    _entities(representations: $representations) { ... on Merchant { ...Facts } }
  }
  ${facts}
`

const scanDocument = `
  query Scan($payload: String!) {
    decodeQr(payload: $payload, profile: LENIENT) {
      __typename
      ... on QrCode {
        mode pointOfInitiation expired currency
        unreadable { message }
        amount { amount currency }
        tip { kind amount { amount currency } percent }
        additionalData { referenceLabel }
        merchant { ...Facts }
      }
      ... on Problem { code message }
    }
  }
  ${facts}
`

/** A merchant in the response. */
interface FactsData {
  readonly id: MerchantId
  readonly name: string
  readonly acquirer: { readonly id: ParticipantId }
  readonly country: { readonly code: string }
  readonly city: string
  readonly currency: string
  readonly mcc: { readonly code: string }
  readonly status: MerchantFacts['status']
  readonly entryModes: readonly EntryMode[]
}

interface MoneyData {
  readonly amount: string
  readonly currency: string
}

interface CodeData {
  readonly __typename: 'QrCode'
  readonly mode: 'MPM' | 'CPM' | 'URL'
  readonly pointOfInitiation: 'STATIC' | 'DYNAMIC' | null
  readonly expired: boolean
  readonly currency: string | null
  readonly unreadable: readonly { readonly message: string }[]
  readonly amount: MoneyData | null
  readonly tip: {
    readonly kind: 'PROMPT' | 'FIXED' | 'PERCENT'
    readonly amount: MoneyData | null
    readonly percent: string | null
  } | null
  readonly additionalData: { readonly referenceLabel: string | null } | null
  readonly merchant: FactsData | null
}

interface ProblemData {
  readonly __typename: 'QrInvalid' | 'Refused'
  readonly code: ProblemCode
  readonly message: string
}

const payloadPath = ['input', 'payload']

/** The hub itself is the viewer, for every request: the facts are visible to all participants. */
const context: RequestContext = {
  viewer: { participant: hubParticipant, scopes: new Set(['operator']), key: 'hub' },
  requestId: 'directory',
}

/**
 * Queries over `connection`, which leads to the merchant subgraph. The methods reject when it cannot be
 * reached.
 */
export function createMerchantDirectory(connection: SubgraphConnection): MerchantDirectory {
  const merchantsOperation = connection.prepare(merchantsDocument)
  const scanOperation = connection.prepare(scanDocument)

  const loader = createLoader<MerchantId, MerchantFacts>({
    load: async (ids) => {
      const representations = ids.map((id) => ({ __typename: 'Merchant', id }))
      const data = await query<{ _entities: (FactsData | null)[] }>(merchantsOperation, { representations })
      return data._entities.map((found) => found && factsOf(found))
    },
  })

  return {
    merchant: (id) => loader.load(id),
    async scan(payload) {
      const { decodeQr } = await query<{ decodeQr: CodeData | ProblemData }>(scanOperation, { payload })
      return decodeQr.__typename === 'QrCode'
        ? scannedCode(decodeQr)
        : refuse(decodeQr.code, decodeQr.message, payloadPath)
    },
  }
}

async function query<Data>(operation: SubgraphOperation, variables: Variables): Promise<Data> {
  const { data, errors } = await operation.execute(variables, context)
  if (errors?.length || !data) {
    throw new Error('the query of the merchant subgraph failed', { cause: errors })
  }
  return data as Data
}

function scannedCode(code: CodeData): ScannedCode | Refusal {
  const { mode, pointOfInitiation, merchant, tip } = code
  if (mode === 'CPM') {
    return refuse('QR_INVALID', 'this code is shown by a customer: a merchant has to scan it', payloadPath)
  }
  if (!merchant) return refuse('CODE_UNKNOWN', undefined, payloadPath)
  if (code.expired) return refuse('CODE_EXPIRED', undefined, payloadPath)
  const flaw = flawOfMoney(code, merchant)
  if (flaw) return flaw
  const amount = code.amount && moneyOf(code.amount)
  const isDynamic = pointOfInitiation === 'DYNAMIC' || (pointOfInitiation === null && amount !== null)
  return {
    merchant: factsOf(merchant),
    entryMode: isDynamic ? 'MPM_DYNAMIC' : 'MPM_STATIC',
    amount,
    tip: tip && tipOf(tip),
    referenceLabel: code.additionalData?.referenceLabel ?? null,
  }
}

/** Returns null when what the code states about money is exact and in the currency of its merchant. */
function flawOfMoney({ currency, unreadable }: CodeData, merchant: FactsData): Refusal | null {
  if (currency !== null && currency !== merchant.currency) {
    const what = `field 53 (currency) of the code is ${currency}, the merchant’s currency is ${merchant.currency}`
    return refuse('WRONG_CURRENCY', what, payloadPath)
  }
  if (unreadable.length === 0) return null
  return refuse('QR_INVALID', unreadable.map(({ message }) => message).join('; '), payloadPath)
}

function tipOf({ kind, amount, percent }: NonNullable<CodeData['tip']>): ScannedCode['tip'] {
  if (kind === 'PROMPT') return { kind }
  if (kind === 'FIXED' && amount) return { kind, amount: moneyOf(amount) }
  if (kind === 'PERCENT' && percent !== null) return { kind, percent }
  throw new TypeError(`the merchant subgraph returned a tip without its value: ${kind}`)
}

const factsOf = ({ acquirer, country, mcc, currency, ...rest }: FactsData): MerchantFacts => ({
  ...rest,
  acquirer: acquirer.id,
  country: country.code,
  currency: currencyOf(currency),
  mcc: mcc.code,
})

function moneyOf(amount: MoneyData): Money {
  const money = parseMoney(amount, [])
  if (isRefusal(money))
    throw new TypeError(`the merchant subgraph returned an invalid amount: ${money.message}`)
  return money
}

function currencyOf(code: string): Currency {
  if (isCurrency(code)) return code
  throw new TypeError(`the merchant subgraph returned an unsupported currency: ${code}`)
}
