/** What processes say, and hear of the others. */
import type { ExchangeAnswer } from '../../../core/shared-state.ts'
import type { CheckedExchange } from '../../rules/shared-arguments.ts'
import type { Session } from '../session.ts'

const EXCHANGE = 'SELECT @exchange($1, $2, $3, $4, $5, $6, $7, $8) AS heard'
const FALL_SILENT = 'SELECT @fall_silent($1, $2, $3)'

/** Where it is told that there is something new, and under which name, so that whoever told it need not listen. */
export interface Telling {
  readonly channel: string
  readonly id: string
}

interface Heard {
  readonly now: number
  readonly reporters: readonly string[]
  readonly words: readonly (readonly [reporter: string, name: string, value: string, saidAt: number])[] | null
}

export async function exchange(
  session: Session,
  { reporter, ttlMs, said, takenBack }: CheckedExchange,
  { channel, id }: Telling,
): Promise<ExchangeAnswer> {
  const [names, values] = [said.map(({ name }) => name), said.map(({ json }) => json)]
  const asked = [session.told, reporter, ttlMs, names, values, takenBack, channel, id]
  const [row] = await session.rows<{ heard: Heard }>(EXCHANGE, asked)
  const { now, reporters, words } = (row as { heard: Heard }).heard
  return {
    now,
    reporters,
    words: (words ?? []).map(([from, name, value, saidAt]) => {
      return { name, reporter: from, value: JSON.parse(value) as unknown, saidAt }
    }),
  }
}

export async function fallSilent(session: Session, reporter: string, { channel, id }: Telling): Promise<void> {
  await session.rows(FALL_SILENT, [reporter, channel, id])
}
