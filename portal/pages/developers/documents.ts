import { graphql, type Document, type ResultOf } from '../../api/graphql.ts'

export const webhooksQuery = graphql(`
  query DeveloperWebhooks {
    webhooks {
      id
      url
      events
      status
      createdAt
    }
  }
`)
export type Webhook = ResultOf<typeof webhooksQuery>['webhooks'][number]

export const deliveriesQuery = graphql(`
  query DeveloperDeliveries($webhook: ID!, $after: String) {
    webhookDeliveries(webhook: $webhook, first: 20, after: $after) {
      edges {
        node {
          id
          event
          state
          createdAt
          nextAttemptAt
          body
          attempts {
            at
            status
            latencyMs
            error
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

export const createWebhook = graphql(`
  mutation CreateWebhook($input: CreateWebhookInput!) {
    createWebhook(input: $input) {
      __typename
      ... on WebhookCreated {
        secret
        webhook {
          id
        }
      }
      ... on Problem {
        code
        message
      }
    }
  }
`)
export const rotateSecret = graphql(`
  mutation RotateWebhookSecret($input: RotateWebhookSecretInput!) {
    rotateWebhookSecret(input: $input) {
      __typename
      ... on WebhookSecretRotated {
        secret
        previousUntil
      }
      ... on Problem {
        code
        message
      }
    }
  }
`)
export const deleteWebhook = graphql(`
  mutation DeleteWebhook($input: DeleteWebhookInput!) {
    deleteWebhook(input: $input) {
      __typename
      ... on Problem {
        code
        message
      }
    }
  }
`)
export const testWebhook = graphql(`
  mutation TestWebhook($input: TestWebhookInput!) {
    testWebhook(input: $input) {
      __typename
      ... on WebhookTest {
        body
        attempt {
          status
          latencyMs
          error
        }
      }
      ... on Problem {
        code
        message
      }
    }
  }
`)
export const redeliver = graphql(`
  mutation RedeliverWebhook($input: RedeliverWebhookInput!) {
    redeliverWebhook(input: $input) {
      __typename
      ... on Problem {
        code
        message
      }
    }
  }
`)

interface Codes {
  readonly enumValues: readonly { readonly name: string; readonly description: string | null }[]
}

/** The codes with their descriptions, from the schema itself. The types of introspection are not in it. */
export const codesQuery = graphql(`
  query DeveloperCodes {
    problems: __type(name: "ProblemCode") {
      enumValues {
        name
        description
      }
    }
    reasons: __type(name: "ReasonCode") {
      enumValues {
        name
        description
      }
    }
  }
`) as unknown as Document<{ problems: Codes; reasons: Codes }, object>
