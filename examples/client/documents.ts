// Documents with types: gql.tada derives them from the text and the schema, in the compiler alone. At run
// time a document is its text.

import type { initGraphQLTada } from 'gql.tada'
import type { introspection } from '../../schema/generated/api-types.d.ts'

type Graphql = initGraphQLTada<{
  introspection: introspection
  scalars: {
    ID: string
    CountryCode: string
    CurrencyCode: string
    DateTime: string
    Decimal: string
    LocalDate: string
  }
  disableMasking: true
}>

export const graphql = ((text: string) => text) as unknown as Graphql

export const Rates = graphql(`
  query Rates($sources: [CurrencyCode!]) {
    rates(sources: $sources) {
      source
      value
    }
  }
`)

export const SubmitPayment = graphql(`
  mutation SubmitPayment($input: SubmitPaymentInput!) {
    submitPayment(input: $input) {
      __typename
      ... on PaymentReceipt {
        replayed
        payment {
          id
          status
        }
      }
      ... on Problem {
        code
        message
      }
    }
  }
`)

export const Events = graphql(`
  subscription Events($after: String) {
    transactionEvents(after: $after) {
      cursor
      to
      transaction {
        id
        merchant {
          name
        }
        merchantAmount {
          amount
          currency
        }
      }
    }
  }
`)

export const FollowPayment = graphql(`
  subscription FollowPayment($id: ID!) {
    transactionUpdated(id: $id) {
      sequence
      to
      transaction {
        merchant {
          name
        }
      }
    }
  }
`)
