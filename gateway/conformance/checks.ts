// What an endpoint has to do to be certified, by capability. Each check sends payments of its own, so none
// depends on another.

import { answerWithinMs, strangeSecret, type Answer, type Forgery, type Probe } from './probe.ts'

export type CheckedCapability = 'MPM_ACCEPT' | 'CPM_PRESENT' | 'WEBHOOK'

export interface Check {
  /** Stable: reports of different days are compared by it. */
  readonly id: string
  readonly claim: string
  /** Resolves with what was wrong; null when the claim holds. Left out: the check cannot run. */
  run(probe: Probe): Promise<string | null>
  /** Why the check cannot run for a subject; null when it can. */
  whyNot?(probe: Probe): string | null
}

const requests: readonly Check[] = [
  {
    id: 'approves',
    claim: 'approves a payment within the deadline of the corridor',
    async run(probe) {
      const answer = await probe.ask('AUTHORIZE', probe.payment())
      return says(answer, 'APPROVE') ?? (answer.ms <= answerWithinMs ? null : `it took ${answer.ms} ms`)
    },
  },
  {
    id: 'declines',
    claim: 'declines a payment that it does not carry',
    whyNot: ({ subject }) => (subject.declined ? null : 'no --decline-amount was given'),
    async run(probe) {
      const merchantAmount = probe.subject.declined!
      const payment = probe.payment({ merchantAmount, payerAmount: merchantAmount })
      return says(await probe.ask('AUTHORIZE', payment), 'DECLINE')
    },
  },
  {
    id: 'repeats-its-answer',
    claim: 'gives a repeated request the same answer',
    async run(probe) {
      const payment = probe.payment()
      const first = await probe.ask('AUTHORIZE', payment)
      return says(first, 'APPROVE') ?? says(await probe.ask('AUTHORIZE', payment), 'APPROVE')
    },
  },
  {
    id: 'repeats-in-parallel',
    claim: 'gives eight copies of a request at once the same answer',
    async run(probe) {
      const payment = probe.payment()
      const copies = await Promise.all(Array.from({ length: 8 }, () => probe.ask('AUTHORIZE', payment)))
      return firstOf(copies.map((copy) => says(copy, 'APPROVE')))
    },
  },
  {
    id: 'refuses-after-the-deadline',
    claim: 'does not approve a request whose respondBy has passed',
    async run(probe) {
      const respondBy = new Date(Date.now() - 60_000)
      return saysNot(await probe.ask('AUTHORIZE', probe.payment({ respondBy })), 'APPROVE')
    },
  },
  {
    id: 'takes-unknown-members',
    claim: 'takes a request with unknown members',
    run: async (probe) =>
      says(await probe.ask('AUTHORIZE', probe.payment(), { add: { futureMember: { since: 1 } } }), 'APPROVE'),
  },
  {
    id: 'inquiry-of-known',
    claim: 'reports to an inquiry what it has answered',
    async run(probe) {
      const payment = probe.payment()
      return (
        says(await probe.ask('AUTHORIZE', payment), 'APPROVE') ??
        says(await probe.ask('INQUIRE', payment), 'APPROVE')
      )
    },
  },
  {
    id: 'inquiry-of-unknown',
    claim: 'reports to an inquiry that it has never seen a payment',
    run: async (probe) => says(await probe.ask('INQUIRE', probe.payment()), 'NEVER_SEEN'),
  },
  {
    id: 'keeps-never-seen',
    claim: 'does not approve a payment that it has reported as never seen',
    async run(probe) {
      const payment = probe.payment()
      return (
        says(await probe.ask('INQUIRE', payment), 'NEVER_SEEN') ??
        saysNot(await probe.ask('AUTHORIZE', payment), 'APPROVE')
      )
    },
  },
  ...(['REVERSE', 'CANCEL'] as const).flatMap((kind): readonly Check[] => {
    const name = kind.toLowerCase()
    return [
      {
        id: `${name}-acknowledged`,
        claim: `acknowledges the ${name} request of a payment, and a repeated one`,
        async run(probe) {
          const payment = probe.payment()
          return (
            says(await probe.ask('AUTHORIZE', payment), 'APPROVE') ??
            says(await probe.ask(kind, payment), 'ACKNOWLEDGE') ??
            says(await probe.ask(kind, payment), 'ACKNOWLEDGE')
          )
        },
      },
      {
        id: `${name}-of-unknown`,
        claim: `acknowledges the ${name} request of a payment that it has never seen, and does not approve it later`,
        async run(probe) {
          const payment = probe.payment()
          return (
            says(await probe.ask(kind, payment), 'ACKNOWLEDGE') ??
            saysNot(await probe.ask('AUTHORIZE', payment), 'APPROVE')
          )
        },
      },
    ]
  }),
  ...signatures((probe, forgery) => probe.ask('AUTHORIZE', probe.payment(), forgery), {
    accepts: (answer) => says(answer, 'APPROVE'),
  }),
]

const events: readonly Check[] = [
  {
    id: 'receives',
    claim: 'takes an event',
    run: async (probe) => takes(await probe.tell(probe.payment())),
  },
  {
    id: 'receives-twice',
    claim: 'takes an event that comes again',
    async run(probe) {
      const payment = probe.payment()
      return takes(await probe.tell(payment)) ?? takes(await probe.tell(payment))
    },
  },
  ...signatures((probe, forgery) => probe.tell(probe.payment(), forgery), { accepts: takes }),
]

export const checks: Readonly<Record<CheckedCapability, readonly Check[]>> = {
  MPM_ACCEPT: requests,
  CPM_PRESENT: requests,
  WEBHOOK: events,
}

/** The checks of Standard Webhooks, over a message that is otherwise accepted. */
function signatures(
  send: (probe: Probe, forgery: Forgery) => Promise<Answer>,
  { accepts }: { readonly accepts: (answer: Answer) => string | null },
): readonly Check[] {
  const refused = (id: string, claim: string, forgery: () => Forgery): Check => ({
    id,
    claim,
    run: async (probe) => refuses(await send(probe, forgery())),
  })
  const both = (order: (known: string) => readonly string[]): Check['run'] => {
    return async (probe) => accepts(await send(probe, { secrets: order(probe.subject.secret) }))
  }
  return [
    refused('refuses-unsigned', 'refuses a message without a signature', () => ({ isUnsigned: true })),
    refused('refuses-strange-secret', 'refuses a signature by another secret', () => ({
      secrets: [strangeSecret()],
    })),
    refused('refuses-changed-body', 'refuses a body that was changed after it was signed', () => ({
      change: (body) => body.replace('conformance-', 'conformance_'),
    })),
    refused('refuses-old', 'refuses a signature that is ten minutes old', () => ({ ageMs: 600_000 })),
    {
      id: 'takes-two-signatures',
      claim: 'takes a message with two signatures, of which either holds, as during a rotation',
      run: async (probe) =>
        (await both((known) => [strangeSecret(), known])(probe)) ??
        (await both((known) => [known, strangeSecret()])(probe)),
    },
  ]
}

function says({ said }: Answer, expected: string): string | null {
  return said === expected ? null : `it should answer ${expected}, and answered: ${said}`
}

function saysNot({ status, said }: Answer, forbidden: string): string | null {
  if (status === 0) return `it did not answer: ${said}`
  return said === forbidden ? `it answered ${forbidden}` : null
}

function refuses({ status, said }: Answer): string | null {
  return status >= 400 && status < 500 ? null : `it should answer a status of 4xx, and answered: ${said}`
}

function takes({ status, said }: Answer): string | null {
  return status >= 200 && status < 300 ? null : `it should answer a status of 2xx, and answered: ${said}`
}

function firstOf(flaws: readonly (string | null)[]): string | null {
  return flaws.find((flaw) => flaw !== null) ?? null
}
