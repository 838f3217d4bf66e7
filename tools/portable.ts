/** The entry and its exercise (test/package/exercise.ts) as one plain module, and ways to run it elsewhere. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Browser } from 'playwright-core'
import { run } from './project.ts'
import { bundle } from './sizes.ts'

/** A module that exports `report`, a promise of what worked. */
export function bundleExercise(): Promise<string> {
  return bundle(
    `import * as holdfast from './src/index.ts'
     import { exercise } from './test/package/exercise.ts'
     export const report = exercise(holdfast)`,
    false,
  )
}

/** Runs the exercise in a page of its own, as a module loaded over (intercepted) http. Rejects with what did not work. */
export async function exerciseInBrowser(browser: Browser): Promise<string[]> {
  const page = await browser.newPage()
  const script = await bundleExercise()
  await page.route('http://holdfast.test/**', (route) =>
    route.request().url().endsWith('.js')
      ? route.fulfill({ contentType: 'text/javascript', body: script })
      : route.fulfill({ contentType: 'text/html', body: '<!doctype html><title>Holdfast</title>' }),
  )
  await page.goto('http://holdfast.test/')
  return (await page.evaluate("import('/exercise.js').then((module) => module.report)")) as string[]
}

/** Runs the exercise with another Node. Returns what worked, or throws with what the process printed. */
export async function exerciseInNode(node: string, folder: string): Promise<string[]> {
  writeFileSync(join(folder, 'exercise.mjs'), await bundleExercise())
  const main = join(folder, 'main.mjs')
  // A timeout never keeps a process alive by itself, so something else does.
  writeFileSync(
    main,
    `import { report } from './exercise.mjs'
     const stay = setInterval(() => {}, 1000)
     console.log(JSON.stringify(await report))
     clearInterval(stay)`,
  )
  const { code, output } = await run(node, [main], { timeoutMs: 30_000 })
  if (code !== 0) throw new Error(output)
  return JSON.parse(output.trim().split('\n').at(-1)!) as string[]
}
