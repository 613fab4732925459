// Reads QR codes in pictures: by the browser where it can, else by WebAssembly that the hub serves.

import { BarcodeDetector, prepareZXingModule } from 'barcode-detector/ponyfill'
import wasm from 'zxing-wasm/reader/zxing_reader.wasm?url'

let detector: BarcodeDetector | null = null

/** The text of the first code in a picture; null when there is none. */
export async function readCode(picture: ImageBitmapSource): Promise<string | null> {
  detector ??= open()
  const [first] = await detector.detect(picture)
  return first?.rawValue ?? null
}

function open(): BarcodeDetector {
  prepareZXingModule({ overrides: { locateFile: () => wasm } })
  return new BarcodeDetector({ formats: ['qr_code'] })
}
