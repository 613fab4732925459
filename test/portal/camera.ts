// A video of a QR code, which Chromium plays in place of a camera.

import { generate, correction } from 'lean-qr'
import { writeFileSync } from 'node:fs'

const width = 640
const height = 480
const margin = 4

/** Writes a video of one second, in the form y4m: each frame is grey with the code in its middle. */
export function writeVideo(file: string, payload: string): void {
  const code = generate(payload, { minCorrectionLevel: correction.M })
  const scale = Math.floor(height / (code.size + 2 * margin))
  const luma = Buffer.alloc(width * height, 200)
  const left = Math.floor((width - scale * code.size) / 2)
  const top = Math.floor((height - scale * code.size) / 2)
  for (let y = -margin * scale; y < scale * (code.size + margin); y++) {
    for (let x = -margin * scale; x < scale * (code.size + margin); x++) {
      const isDark = code.get(Math.floor(x / scale), Math.floor(y / scale))
      luma[(top + y) * width + left + x] = isDark ? 16 : 235
    }
  }
  const chroma = Buffer.alloc((width * height) / 2, 128)
  const frame = Buffer.concat([Buffer.from('FRAME\n'), luma, chroma])
  const head = Buffer.from(`YUV4MPEG2 W${width} H${height} F10:1 Ip A1:1 C420\n`)
  writeFileSync(file, Buffer.concat([head, ...Array.from({ length: 10 }, () => frame)]))
}

/** The arguments with which Chromium plays `file` as its camera, and allows a page to use it. */
export const cameraOf = (file: string): readonly string[] => [
  '--use-fake-ui-for-media-stream',
  '--use-fake-device-for-media-stream',
  `--use-file-for-fake-video-capture=${file}`,
]
