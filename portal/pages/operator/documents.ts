import { graphql, type ResultOf } from '../../api/graphql.ts'

export const participantsQuery = graphql(`
  query OperatorParticipants($where: ParticipantFilter, $after: String) {
    participants(where: $where, first: 50, after: $after) {
      totalCount
      edges {
        node {
          id
          name
          roles
          status
          connection
          country {
            code
          }
          capabilities {
            name
            state
            validUntil
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

export const participantQuery = graphql(`
  query OperatorParticipant($id: ID!) {
    participant(id: $id) {
      id
      name
      roles
      status
      connection
      endpointUrl
      iin
      settlementCurrency
      country {
        code
      }
      capabilities {
        name
        state
        validUntil
      }
      statusHistory {
        at
        from
        to
        by
        reason
      }
      positions {
        currency
        net {
          amount
          currency
        }
      }
    }
  }
`)
export type ParticipantPage = NonNullable<ResultOf<typeof participantQuery>['participant']>

export const changeStatus = graphql(`
  mutation ChangeParticipantStatus($input: ChangeParticipantStatusInput!) {
    changeParticipantStatus(input: $input) {
      __typename
      ... on Problem {
        code
        message
      }
    }
  }
`)
export const certify = graphql(`
  mutation CertifyParticipant($input: RecordCertificationInput!) {
    recordCertification(input: $input) {
      __typename
      ... on Problem {
        code
        message
      }
    }
  }
`)

export const testConnection = graphql(`
  mutation TestConnection($input: TestConnectionInput!) {
    testConnection(input: $input) {
      __typename
      ... on ConnectionTest {
        works
        status
        latencyMs
        outcome: message
      }
      ... on Problem {
        code
        message
      }
    }
  }
`)
export const connect = graphql(`
  mutation ConnectParticipant($input: ConnectParticipantInput!) {
    connectParticipant(input: $input) {
      __typename
      ... on ParticipantConnected {
        secret
      }
      ... on Problem {
        code
        message
      }
    }
  }
`)

export const certificatesQuery = graphql(`
  query OperatorCertificates($after: String) {
    participants(first: 100, after: $after) {
      edges {
        node {
          id
          name
          capabilities {
            name
            state
            validUntil
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

export const setProject = graphql(`
  mutation SetProject($input: SetProjectInput!) {
    setProject(input: $input) {
      __typename
      ... on Problem {
        code
        message
      }
    }
  }
`)
export const setQrProduct = graphql(`
  mutation SetQrProduct($input: SetQrProductInput!) {
    setQrProduct(input: $input) {
      __typename
      ... on Problem {
        code
        message
      }
    }
  }
`)
export const setRates = graphql(`
  mutation SetRates($input: SetRatesInput!) {
    setRates(input: $input) {
      __typename
      ... on Problem {
        code
        message
      }
    }
  }
`)

export const settlementQuery = graphql(`
  query OperatorSettlement($after: String) {
    settlementBatches(first: 20, after: $after) {
      edges {
        node {
          id
          settlementDate
          status
          payments
          refunds
          files {
            format
            name
            sha256
            url
          }
          net {
            participant {
              id
            }
            amount {
              amount
              currency
            }
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

export type Batch = ResultOf<typeof settlementQuery>['settlementBatches']['edges'][number]['node']

export const calendarQuery = graphql(`
  query OperatorSettlementCalendar {
    settlementDates(first: 14) {
      settlementDate
      closableFrom
      isClosable
      batch {
        status
      }
    }
  }
`)
export type SettlementDay = ResultOf<typeof calendarQuery>['settlementDates'][number]

export const closeSettlement = graphql(`
  mutation CloseSettlement($input: CloseSettlementInput!) {
    closeSettlement(input: $input) {
      __typename
      ... on SettlementBatch {
        id
        status
      }
      ... on Problem {
        code
        message
      }
    }
  }
`)

export const ratesQuery = graphql(`
  query OperatorRates {
    rates(target: "CNY") {
      source
      target
      value
      mid
      markupBasisPoints
      asOf
    }
  }
`)

export const projectsQuery = graphql(`
  query OperatorProjects {
    projects {
      id
      name
      model
      status
      version
      country {
        code
      }
      corridors {
        id
      }
    }
    qrProducts {
      id
      name
      version
      acceptsForeignWallets
      country {
        code
      }
    }
  }
`)

export const auditQuery = graphql(`
  query OperatorAudit($where: AuditFilter, $after: String) {
    auditLog(where: $where, first: 30, after: $after) {
      edges {
        node {
          id
          at
          action
          target
          before
          after
          requestId
          actor {
            id
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

export type Project = ResultOf<typeof projectsQuery>['projects'][number]
export type Product = ResultOf<typeof projectsQuery>['qrProducts'][number]
export type Rate = ResultOf<typeof ratesQuery>['rates'][number]
