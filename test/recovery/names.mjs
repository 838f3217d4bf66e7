// Loaded before the program with `node --import`: names resolve as HOLDFAST_TEST_NAMES says, `{"name":["address"]}`; all others
// as ever. What a test cannot have otherwise without writing to the machine's hosts file.
import dns from 'node:dns/promises'
import { syncBuiltinESMExports } from 'node:module'
import { isIPv6 } from 'node:net'

const names = JSON.parse(process.env.HOLDFAST_TEST_NAMES ?? '{}')
const { lookup } = dns

dns.lookup = async (name, options) => {
  const addresses = names[name]
  if (addresses === undefined) return lookup(name, options)
  const found = addresses.map((address) => ({ address, family: isIPv6(address) ? 6 : 4 }))
  return options?.all === true ? found : found[0]
}
syncBuiltinESMExports()
