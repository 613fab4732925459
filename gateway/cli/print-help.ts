/** Prints `usage` when the command line has --help, and returns whether it has. */
export function printHelp(usage: string): boolean {
  const isWanted = process.argv.slice(2).some((argument) => argument === '--help' || argument === '-h')
  if (isWanted) console.log(usage)
  return isWanted
}
