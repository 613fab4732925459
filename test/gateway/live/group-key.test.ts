import { describe, expect, test } from 'vitest'
import { sharedDocumentOf } from '../../../gateway/live/group-key.ts'

const resumable = 'subscription($after__:String){transactionEvents(after:$after__){cursor}}'

describe('a subscription document without its position', () => {
  test.each([
    {
      what: 'left out',
      document: 'subscription { transactionEvents { cursor } }',
      variables: {},
      cursor: null,
    },
    {
      what: 'a variable',
      document: 'subscription($after: String) { transactionEvents(after: $after) { cursor } }',
      variables: { after: 'c7' },
      cursor: 'c7',
    },
    {
      what: 'a variable that is null',
      document: 'subscription($from: String) { transactionEvents(after: $from) { cursor } }',
      variables: { from: null },
      cursor: null,
    },
    {
      what: 'a literal',
      document: 'subscription { transactionEvents(after: "c7") { cursor } }',
      variables: {},
      cursor: 'c7',
    },
  ])('is the same when the position is $what', ({ document, variables, cursor }) => {
    const shared = sharedDocumentOf(document, undefined)
    expect(shared).toMatchObject({ sharing: 'FROM_NOW', canResume: true, text: resumable })
    expect(shared.cursorIn(variables)).toBe(cursor)
    expect(shared.variablesAt(variables, 'c9')).toEqual({ ...variables, after__: 'c9' })
  })

  test('keeps a variable that is used elsewhere, takes an unused name for its own, and keeps everything else', () => {
    const shared = sharedDocumentOf(
      `query Other($after__: Int) { a(b: $after__) }
       subscription Follow($after: String, $where: F) {
         all: transactionEvents(where: $where, after: $after) { ...E } }
       fragment E on Event { page(after: $after) }`,
      'Follow',
    )
    expect(shared.text).toBe(
      'query Other($after__:Int){a(b:$after__)}' +
        'subscription Follow($after:String$where:F$after___:String)' +
        '{all:transactionEvents(where:$where after:$after___){...E}}fragment E on Event{page(after:$after)}',
    )
  })

  test('of one payment has the sequence as a number', () => {
    const shared = sharedDocumentOf(
      'subscription { transactionUpdated(id: 1, afterSequence: 3) { to } }',
      undefined,
    )
    expect(shared).toMatchObject({ sharing: 'REPLAY_LAST', canResume: true })
    expect(shared.cursorIn({})).toBe('3')
    expect(shared.variablesAt({}, '4')).toEqual({ after__: 4 })
  })

  test.each([
    { document: 'subscription { activityUpdated { asOf } }', sharing: 'LATEST' },
    { document: 'subscription { authorizationRequests { cursor } }', sharing: 'OWN' },
    {
      document: 'subscription { ...F } fragment F on Subscription { transactionEvents { to } }',
      sharing: 'OWN',
    },
  ])('stays as it is where the field cannot resume: $document', ({ document, sharing }) => {
    expect(sharedDocumentOf(document, undefined)).toMatchObject({ sharing, canResume: false, text: document })
  })
})
