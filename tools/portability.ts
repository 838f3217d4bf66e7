/**
 * Runs the entry, bundled as plain JavaScript, on other versions of Node and in a browser, and weighs it. The other Nodes are
 * installed into .cache/nodes, apart from the project's own packages; one that the registry lacks for this machine is skipped.
 *
 *     node tools/portability.ts [version of Node …]        default: 22 24 26
 */
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { howToHave, isAvailable } from '../test/servers/available.ts'
import { startChromium } from '../test/servers/chromium.ts'
import { exerciseInBrowser, exerciseInNode } from './portable.ts'
import { root, run } from './project.ts'
import { measureSizes, sizeTable } from './sizes.ts'

type Verdict = 'passed' | 'failed' | 'skipped'
const verdicts: Verdict[] = []
const say = (verdict: Verdict, name: string, detail: string): void => {
  verdicts.push(verdict)
  console.log(`${name.padEnd(16)}${verdict.padEnd(9)}${detail}`)
}

const versions = process.argv.length > 2 ? process.argv.slice(2) : ['22', '24', '26']
for (const version of versions) await tryNode(version)
await tryBrowser()
const sizes = await measureSizes()
console.log(`\n${sizeTable(sizes)}\n`)
verdicts.push(sizes.some(({ gzipped, bound }) => gzipped > bound) ? 'failed' : 'passed')

const count = (verdict: Verdict): number => verdicts.filter((one) => one === verdict).length
console.log(`${count('passed')} passed, ${count('failed')} failed${count('skipped') > 0 ? `, ${count('skipped')} skipped` : ''}`)
process.exitCode = count('failed') === 0 ? 0 : 1

async function tryNode(version: string): Promise<void> {
  const node = await otherNode(version)
  if (node === undefined)
    return say('skipped', `Node ${version}`, `the registry has no node-${process.platform}-${process.arch}@${version}`)
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-portability-'))
  try {
    const exact = (await run(node, ['--version'])).output.trim()
    const worked = await exerciseInNode(node, folder)
    say('passed', `Node ${exact}`, worked.join(', '))
  } catch (error) {
    say('failed', `Node ${version}`, (error as Error).message)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** The path of another version's executable; installed on first use. */
async function otherNode(version: string): Promise<string | undefined> {
  const name = `node-${process.platform === 'win32' ? 'win' : process.platform}-${process.arch}`
  const folder = join(root, '.cache/nodes', version)
  const path = join(folder, 'node_modules', name, 'bin/node')
  if (existsSync(path)) return path
  mkdirSync(folder, { recursive: true })
  const args = [
    'install',
    '--prefix',
    folder,
    '--no-save',
    '--no-package-lock',
    '--ignore-scripts',
    '--no-audit',
    '--no-fund',
    `${name}@${version}`,
  ]
  const { code } = await run('npm', args)
  return code === 0 && existsSync(path) ? path : undefined
}

async function tryBrowser(): Promise<void> {
  if (!isAvailable('chromium')) return say('skipped', 'Chromium', howToHave('chromium'))
  const browser = await startChromium()
  try {
    say('passed', `Chromium ${browser.version().split('.')[0]}`, (await exerciseInBrowser(browser)).join(', '))
  } catch (error) {
    say('failed', 'Chromium', (error as Error).message)
  } finally {
    await browser.close()
  }
}
