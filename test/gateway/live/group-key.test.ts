import { describe, expect, test } from 'vitest'
import { formOf } from '../../../gateway/live/group-key.ts'

const resumable = 'subscription($after__:String){transactionEvents(after:$after__){cursor}}'

describe('a subscription without the place where its subscriber stands', () => {
  test.each([
    {
      what: 'nothing',
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
      what: 'text',
      document: 'subscription { transactionEvents(after: "c7") { cursor } }',
      variables: {},
      cursor: 'c7',
    },
  ])('is the same when it says $what', ({ document, variables, cursor }) => {
    const form = formOf(document, undefined)
    expect(form).toMatchObject({ sharing: 'FROM_NOW', canResume: true, document: resumable })
    expect(form.cursorIn(variables)).toBe(cursor)
    expect(form.variablesAt(variables, 'c9')).toEqual({ ...variables, after__: 'c9' })
  })

  test('keeps a variable that is used elsewhere, its own name free, and everything else', () => {
    const form = formOf(
      `query Other($after__: Int) { a(b: $after__) }
       subscription Follow($after: String, $where: F) {
         all: transactionEvents(where: $where, after: $after) { ...E } }
       fragment E on Event { page(after: $after) }`,
      'Follow',
    )
    expect(form.document).toBe(
      'query Other($after__:Int){a(b:$after__)}' +
        'subscription Follow($after:String$where:F$after___:String)' +
        '{all:transactionEvents(where:$where after:$after___){...E}}fragment E on Event{page(after:$after)}',
    )
  })

  test('of one payment takes the sequence as a number', () => {
    const form = formOf('subscription { transactionUpdated(id: 1, afterSequence: 3) { to } }', undefined)
    expect(form).toMatchObject({ sharing: 'REPLAY_LAST', canResume: true })
    expect(form.cursorIn({})).toBe('3')
    expect(form.variablesAt({}, '4')).toEqual({ after__: 4 })
  })

  test.each([
    { document: 'subscription { activityUpdated { asOf } }', sharing: 'LATEST' },
    { document: 'subscription { authorizationRequests { cursor } }', sharing: 'OWN' },
    {
      document: 'subscription { ...F } fragment F on Subscription { transactionEvents { to } }',
      sharing: 'OWN',
    },
  ])('stays as it is where nobody can resume: $document', ({ document, sharing }) => {
    expect(formOf(document, undefined)).toMatchObject({ sharing, canResume: false, document })
  })
})
