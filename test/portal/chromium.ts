// The Chromium of the machine, which `.ci/run` installs.

import { chromium, type Browser } from 'playwright-core'

const args = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  // Pages of the hub share one renderer, so that its scripts are compiled once.
  '--process-per-site',
]

/** Starts it with an empty profile. */
export const launch = (more: readonly string[] = []): Promise<Browser> =>
  chromium.launch({ executablePath: '/usr/bin/chromium', args: [...args, ...more] })
