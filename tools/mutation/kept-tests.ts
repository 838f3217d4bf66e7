/** Tests that are collected once and run as often as wanted, one by one, in the process that loaded them. */

type Body = (...args: never[]) => unknown
type Hook = () => unknown

interface Block {
  readonly name: string
  readonly outer: Block | undefined
  readonly before: Hook[]
  readonly after: Hook[]
}

export interface KeptTest {
  readonly id: string
  readonly file: string
  readonly name: string
  readonly run: () => Promise<void>
}

let block: Block = newBlock('', undefined)
let collected: KeptTest[] = []

/** Imports a file of tests and gives what it declared. */
export async function collect(file: string, load: () => Promise<unknown>): Promise<readonly KeptTest[]> {
  block = newBlock('', undefined)
  collected = []
  await load()
  return collected.map((test, index) => ({ ...test, id: `${file}#${index}`, file }))
}

function newBlock(name: string, outer: Block | undefined): Block {
  return { name, outer, before: [], after: [] }
}

function declare(name: string, body: Body): void {
  const home = block
  const run = async (): Promise<void> => {
    const path = pathOf(home)
    for (const { before } of path) for (const hook of before) await hook()
    try {
      await body()
    } finally {
      for (const { after } of path.toReversed()) for (const hook of after.toReversed()) await hook()
    }
  }
  const full = [...pathOf(home).map((one) => one.name), name].filter((part) => part !== '').join(' › ')
  collected.push({ id: '', file: '', name: full, run })
}

function pathOf(innermost: Block): Block[] {
  const path: Block[] = []
  for (let at: Block | undefined = innermost; at !== undefined; at = at.outer) path.unshift(at)
  return path
}

function within(name: string, body: Body): void {
  const outer = block
  block = newBlock(name, outer)
  ;(body as Hook)()
  block = outer
}

/** `each` of a table: a row that is an array becomes the arguments. */
function eachWith(declareOne: (name: string, body: Body) => void) {
  return (table: readonly unknown[]) =>
    (name: string, body: Body): void => {
      for (const [index, row] of table.entries()) {
        const args = Array.isArray(row) ? row : [row]
        declareOne(`${name} [${index}]`, () => body(...(args as never[])))
      }
    }
}

export const it = Object.assign((name: string, body: Body) => declare(name, body), { each: eachWith(declare) })
export const test = it
export const describe = Object.assign((name: string, body: Body) => within(name, body), { each: eachWith(within) })
export const beforeEach = (hook: Hook): void => void block.before.push(hook)
export const afterEach = (hook: Hook): void => void block.after.push(hook)
