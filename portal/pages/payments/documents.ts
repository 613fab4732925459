import { graphql, type ResultOf, type VariablesOf } from '../../api/graphql.ts'

export const paymentsQuery = graphql(`
  query Payments($where: TransactionFilter, $after: String) {
    transactions(where: $where, first: 50, after: $after) {
      totalCount
      totalCountKind
      edges {
        node {
          id
          status
          createdAt
          entryMode
          merchantAmount {
            amount
            currency
          }
          payerAmount {
            amount
            currency
          }
          reason {
            code
            isoCode
            message
          }
          corridor {
            id
          }
          wallet {
            id
            name
          }
          acquirer {
            id
            name
          }
          merchant {
            name
            localName
            city
          }
          ... on Payment {
            reference
          }
        }
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
`)
export type PaymentRow = ResultOf<typeof paymentsQuery>['transactions']['edges'][number]['node']
export type PaymentFilter = NonNullable<VariablesOf<typeof paymentsQuery>['where']>

export const findById = graphql(`
  query FindById($id: ID!) {
    transaction(id: $id) {
      id
    }
  }
`)
export const paymentQuery = graphql(`
  query PaymentPage($id: ID!) {
    transaction(id: $id) {
      __typename
      id
      kind
      status
      createdAt
      updatedAt
      entryMode
      merchantAmount {
        amount
        currency
      }
      payerAmount {
        amount
        currency
      }
      reportingValue {
        amount
        currency
      }
      reason {
        code
        isoCode
        message
        retryable
      }
      corridor {
        id
        direction
      }
      wallet {
        id
        name
        country {
          code
        }
      }
      acquirer {
        id
        name
        country {
          code
        }
      }
      merchant {
        id
        name
        localName
        city
        country {
          code
        }
      }
      events {
        sequence
        at
        kind
        from
        to
        note
        reason {
          code
          isoCode
          message
        }
      }
      ... on Payment {
        outcome
        reference
        rrn
        settlementDate
        settlementStatus
        rate {
          source
          target
          value
          mid
          markupBasisPoints
        }
        fees {
          paidBy
          amount {
            amount
            currency
          }
        }
        webhookDeliveries {
          id
          event
          state
          createdAt
          body
          webhook {
            url
          }
          attempts {
            at
            status
            latencyMs
            error
          }
        }
        postings {
          account
          participant {
            id
          }
          amount {
            amount
            currency
          }
        }
        refundable {
          amount
          currency
        }
        refundedTotal {
          amount
          currency
        }
        refunds {
          id
          createdAt
          status
          amount {
            amount
            currency
          }
        }
      }
      ... on Refund {
        amount {
          amount
          currency
        }
        payment {
          id
        }
      }
    }
  }
`)
export type PaymentPage = NonNullable<ResultOf<typeof paymentQuery>['transaction']>
