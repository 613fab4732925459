// How the transaction subgraph asks the merchant subgraph: by queries, as everybody does, wherever that subgraph runs.

import { isCurrency, type Currency } from '../../schema/values/currency.ts'
import { parseMoney, type Money } from '../../schema/values/money.ts'
import { isRefusal, refuse, type ProblemCode, type Refusal } from '../../schema/values/problems.ts'
import type {
  MerchantDirectory,
  MerchantFacts,
  ScannedCode,
} from '../../subgraphs/shared/merchant-directory.ts'
import { createLoader } from '../../subgraphs/platform/async/batching.ts'
import type { EntryMode } from '../../schema/values/entry-mode.ts'
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
        mode pointOfInitiation expired
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

/** As the graph gives a merchant. */
interface FactsAnswer {
  readonly id: string
  readonly name: string
  readonly acquirer: { readonly id: string }
  readonly country: { readonly code: string }
  readonly city: string
  readonly currency: string
  readonly mcc: { readonly code: string }
  readonly status: MerchantFacts['status']
  readonly entryModes: readonly EntryMode[]
}

interface MoneyAnswer {
  readonly amount: string
  readonly currency: string
}

interface CodeAnswer {
  readonly __typename: 'QrCode'
  readonly mode: 'MPM' | 'CPM' | 'URL'
  readonly pointOfInitiation: 'STATIC' | 'DYNAMIC' | null
  readonly expired: boolean
  readonly amount: MoneyAnswer | null
  readonly tip: {
    readonly kind: 'PROMPT' | 'FIXED' | 'PERCENT'
    readonly amount: MoneyAnswer | null
    readonly percent: string | null
  } | null
  readonly additionalData: { readonly referenceLabel: string | null } | null
  readonly merchant: FactsAnswer | null
}

interface ProblemAnswer {
  readonly __typename: 'QrInvalid' | 'Refused'
  readonly code: ProblemCode
  readonly message: string
}

/** The hub itself asks, for whichever request; the answers are facts that every participant may see. */
const context: RequestContext = {
  viewer: { participant: 'operator', scopes: new Set(['operator']), key: 'hub' },
  requestId: 'directory',
}

/** Asks `connection`, which leads to the merchant subgraph. Its methods reject when that cannot be reached. */
export function createMerchantDirectory(connection: SubgraphConnection): MerchantDirectory {
  const merchantsOperation = connection.prepare(merchantsDocument)
  const scanOperation = connection.prepare(scanDocument)

  const loader = createLoader<string, MerchantFacts>({
    load: async (ids) => {
      const representations = ids.map((id) => ({ __typename: 'Merchant', id }))
      const data = await ask<{ _entities: (FactsAnswer | null)[] }>(merchantsOperation, { representations })
      return data._entities.map((answer) => answer && factsOf(answer))
    },
  })

  return {
    merchant: (id) => loader.load(id),
    async scan(payload) {
      const { decodeQr } = await ask<{ decodeQr: CodeAnswer | ProblemAnswer }>(scanOperation, { payload })
      return decodeQr.__typename === 'QrCode'
        ? scannedCode(decodeQr)
        : refuse(decodeQr.code, decodeQr.message, ['input', 'payload'])
    },
  }
}

async function ask<Data>(operation: SubgraphOperation, variables: Variables): Promise<Data> {
  const { data, errors } = await operation.execute(variables, context)
  if (errors?.length || !data) {
    throw new Error('the merchant subgraph did not answer', { cause: errors })
  }
  return data as Data
}

function scannedCode(code: CodeAnswer): ScannedCode | Refusal {
  const path = ['input', 'payload']
  const { mode, pointOfInitiation, merchant, tip } = code
  if (mode === 'CPM')
    return refuse('QR_INVALID', 'a code that a customer shows is for a merchant to scan', path)
  if (!merchant) return refuse('CODE_UNKNOWN', undefined, path)
  if (code.expired) return refuse('CODE_EXPIRED', undefined, path)
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

/** A fixed tip in a currency that the hub does not know cannot be told, and is left to the payer. */
function tipOf({ kind, amount, percent }: NonNullable<CodeAnswer['tip']>): ScannedCode['tip'] {
  if (kind === 'FIXED' && amount) return { kind, amount: moneyOf(amount) }
  return kind === 'PERCENT' && percent !== null ? { kind, percent } : { kind: 'PROMPT' }
}

const factsOf = ({ acquirer, country, mcc, currency, ...rest }: FactsAnswer): MerchantFacts => ({
  ...rest,
  acquirer: acquirer.id,
  country: country.code,
  currency: currencyOf(currency),
  mcc: mcc.code,
})

function moneyOf(answer: MoneyAnswer): Money {
  const money = parseMoney(answer, [])
  if (isRefusal(money))
    throw new TypeError(`the merchant subgraph gave an amount that is none: ${money.message}`)
  return money
}

function currencyOf(code: string): Currency {
  if (isCurrency(code)) return code
  throw new TypeError(`the merchant subgraph gave a currency that the hub does not know: ${code}`)
}
