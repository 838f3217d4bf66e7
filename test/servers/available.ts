/**
 * Says which real servers a test can have here. `npm test` installs what is missing first (install.ts); a test only asks:
 *
 *     describe.skipIf(missing('redis'))('…', () => { … })
 */
import { programs, type ServerName } from './programs.ts'

/** Whether tests of this server must be skipped. In CI nothing is skipped: the test then fails, with what is missing. */
export function missing(name: ServerName): boolean {
  return process.env.CI !== 'true' && !isAvailable(name)
}

/** Whether a running server is named by the environment, or its program is installed. */
export function isAvailable(name: ServerName): boolean {
  const { environment, find } = programs[name]
  return named(environment) !== undefined || find() !== undefined
}

/** The URL of a server of the developer's own, where the environment names one. */
export function ownServer(name: ServerName): string | undefined {
  return named(programs[name].environment)
}

/** The path of a server's program. Throws, with how to have it, when it is not installed. */
export function programPath(name: ServerName): string {
  const path = programs[name].find()
  if (path === undefined) throw new Error(howToHave(name))
  return path
}

/** One line for people whose machine lacks it. */
export function howToHave(name: ServerName): string {
  const { title, packages, environment } = programs[name]
  const own = environment === undefined ? '' : `, or name a server of your own in ${environment}`
  return `${title} is not installed: on Debian 'apt-get install ${packages.join(' ')}'${own}`
}

function named(environment: string | undefined): string | undefined {
  const value = environment === undefined ? undefined : process.env[environment]
  return value === '' ? undefined : value
}
