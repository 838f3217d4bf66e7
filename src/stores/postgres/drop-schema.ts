/** Takes a schema away with all that is in it: for scratch stores, whose end that is. */
import { systemClock } from '../../core/clock.ts'
import { systemRandom } from '../../core/random.ts'
import { checkOptions } from './options.ts'
import { makePool } from './pool.ts'
import { toStoreError } from './postgres-errors.ts'

/** Harmless when it is not there. @throws HoldfastError with `ERR_STORE_UNAVAILABLE`, OptionError */
export async function dropSchema(url: string, schema: string): Promise<void> {
  const options = checkOptions({ url, poolSize: 1, schema }, systemClock, systemRandom)
  const pool = await makePool(options)
  try {
    const client = await pool.connect()
    try {
      await client.query({ text: `DROP SCHEMA IF EXISTS "${options.schema}" CASCADE`, values: [] })
    } finally {
      client.release(true)
    }
  } catch (error) {
    throw toStoreError(error, options.description)
  } finally {
    await pool.end()
  }
}
