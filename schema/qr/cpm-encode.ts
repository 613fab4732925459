// Writes consumer-presented codes: EMVCo QR Code Specification, Consumer-Presented Mode 1.1.

import { berField } from './ber.ts'
import { decodeCpm } from './cpm-decode.ts'
import { applicationTags, chipTags, cpmVersion, dataTags, forms } from './cpm.ts'
import type { CpmDataInput, CpmInput } from './cpm.ts'
import { checkSame } from './encode.ts'
import { toFields } from './table.ts'

/**
 * Writes a consumer-presented code, with its objects in the order of their tags. `decodeCpm` reads the same
 * code again.
 *
 * The input has no field for a card number. Throws `QrError` for values without the form that `CpmData`
 * defines, and for a decoded code with withheld objects.
 */
export function encodeCpm(code: CpmInput): string {
  const { applications, common, withheld } = code
  const objects = [
    berField('85', Buffer.from(cpmVersion)),
    ...applications.map((each) => writeTemplate('61', toFields(applicationTags, each), '63', each.chip)),
    ...(common ? [writeTemplate('62', toFields(dataTags, common), '64', common.chip)] : []),
  ]
  const payload = Buffer.concat(objects).toString('base64')
  checkSame(decodeCpm(payload), { applications, common, withheld })
  return payload
}

type Objects = readonly { readonly tag: string; readonly value: string }[]

function writeTemplate(
  tag: string,
  objects: Objects,
  chipTag: string,
  chip: CpmDataInput['chip'],
): Uint8Array {
  const inner = chip ? [berField(chipTag, writeObjects(toFields(chipTags, chip)))] : []
  return berField(tag, Buffer.concat([writeObjects(objects), ...inner]))
}

function writeObjects(objects: Objects): Uint8Array {
  return Buffer.concat(objects.map(({ tag, value }) => berField(tag, bytesOf(tag, value))))
}

/** Values without the required form are written unchanged, and refused when the payload is read again. */
function bytesOf(tag: string, value: string): Uint8Array {
  const [format, , max] = forms[tag]!
  if (format === 'text') return Buffer.from(value)
  return Buffer.from(format === 'digits' ? value.padStart(max * 2, '0') : value, 'hex')
}
