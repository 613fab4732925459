// The operations of a till and of a phone. They are shown beside the page as they are sent.

import { graphql, type ResultOf } from '../../api/graphql.ts'

export const profileQuery = graphql(`
  query SandboxProfile {
    viewer {
      participant {
        id
        name
        roles
        profile {
          settlementCurrency
        }
      }
    }
  }
`)

export const merchantsQuery = graphql(`
  query SandboxMerchants($where: MerchantFilter!) {
    merchants(where: $where, first: 30) {
      edges {
        node {
          id
          name
          localName
          city
          currency
          entryModes
          country {
            code
          }
        }
      }
    }
  }
`)
export type ShopMerchant = ResultOf<typeof merchantsQuery>['merchants']['edges'][number]['node']

export const issueCode = graphql(`
  mutation IssueCode($input: IssueCodeInput!) {
    issueCode(input: $input) {
      __typename
      ... on MerchantCode {
        id
        kind
        payload
        svg
        expiresAt
      }
      ... on Problem {
        code
        message
      }
    }
  }
`)
export type IssuedCode = Extract<ResultOf<typeof issueCode>['issueCode'], { __typename: 'MerchantCode' }>

export const decodeQr = graphql(`
  query DecodeQr($payload: String!) {
    decodeQr(payload: $payload) {
      __typename
      ... on QrCode {
        mode
        scheme
        pointOfInitiation
        currency
        amount {
          amount
          currency
        }
        expired
        expiresAt
        additionalData {
          billNumber
          referenceLabel
        }
        printedMerchant {
          name
          city
          country {
            code
          }
        }
        merchant {
          id
          name
          localName
          city
          currency
          country {
            code
          }
        }
        warnings {
          code
          message
        }
      }
      ... on Problem {
        code
        message
      }
    }
  }
`)
export type ReadCode = Extract<ResultOf<typeof decodeQr>['decodeQr'], { __typename: 'QrCode' }>

export const quotePayment = graphql(`
  mutation QuotePayment($input: QuotePaymentInput!) {
    quotePayment(input: $input) {
      __typename
      ... on Quote {
        id
        expiresAt
        corridor {
          id
        }
        merchantAmount {
          amount
          currency
        }
        payerAmount {
          amount
          currency
        }
        rate {
          source
          target
          value
          mid
          markupBasisPoints
        }
        fees {
          kind
          paidBy
          amount {
            amount
            currency
          }
        }
      }
      ... on Problem {
        code
        message
      }
    }
  }
`)
export type Quote = Extract<ResultOf<typeof quotePayment>['quotePayment'], { __typename: 'Quote' }>

export const submitPayment = graphql(`
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

export const presentCode = graphql(`
  mutation PresentCode($input: PresentCodeInput!) {
    presentCode(input: $input) {
      __typename
      ... on PresentedCode {
        id
        payload
        svg
        expiresAt
      }
      ... on Problem {
        code
        message
      }
    }
  }
`)
export type PresentedCode = Extract<
  ResultOf<typeof presentCode>['presentCode'],
  { __typename: 'PresentedCode' }
>

export const chargePresentedCode = graphql(`
  mutation ChargePresentedCode($input: ChargePresentedCodeInput!) {
    chargePresentedCode(input: $input) {
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

export const cancelPayment = graphql(`
  mutation CancelPayment($input: CancelPaymentInput!) {
    cancelPayment(input: $input) {
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

export const refundPayment = graphql(`
  mutation RefundPayment($input: RefundPaymentInput!) {
    refundPayment(input: $input) {
      __typename
      ... on RefundReceipt {
        replayed
        refund {
          id
          status
          amount {
            amount
            currency
          }
        }
      }
      ... on Problem {
        code
        message
      }
    }
  }
`)

export const followPayment = graphql(`
  subscription FollowPayment($id: ID!, $afterSequence: Int) {
    transactionUpdated(id: $id, afterSequence: $afterSequence) {
      sequence
      at
      kind
      from
      to
      reason {
        code
        isoCode
        message
      }
      transaction {
        id
        status
        merchantAmount {
          amount
          currency
        }
        payerAmount {
          amount
          currency
        }
        ... on Payment {
          reference
          outcome
          refundable {
            amount
            currency
          }
          refundedTotal {
            amount
            currency
          }
        }
      }
    }
  }
`)
export type PaymentUpdate = ResultOf<typeof followPayment>['transactionUpdated']

/** For a payment that has ended: its subscription has nothing to follow. */
export const paymentNow = graphql(`
  query SandboxPayment($id: ID!) {
    transaction(id: $id) {
      id
      status
      ... on Payment {
        refundable {
          amount
          currency
        }
        refundedTotal {
          amount
          currency
        }
      }
    }
  }
`)
