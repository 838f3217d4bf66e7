#!/usr/bin/env node
// The door of the command line. An old Node gets no further than this file: it finds a newer one and runs it instead.
import { existsSync, realpathSync } from 'node:fs'
import { dirname, join, sep } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { findNode, isNewEnough, MINIMUM_TEXT } from './find-node.mjs'

const self = realpathSync(fileURLToPath(import.meta.url))
const root = dirname(dirname(self))
const isCheckout = !root.includes(`${sep}node_modules${sep}`) && existsSync(join(root, 'src/cli/main.ts'))

process.exitCode = await enter()

async function enter() {
  if (isCheckout && !existsSync(join(root, 'node_modules/.package-lock.json'))) {
    const { install } = await import(pathToFileURL(join(root, 'tools/bootstrap.mjs')).href)
    const code = await install()
    if (code !== 0) return code
  }
  if (isNewEnough(process.version)) return run()
  const node = findNode([root, process.cwd()])
  if (node === undefined) return giveUp()
  const { runChild } = await import('./run-child.mjs')
  return runChild(node, [self, ...process.argv.slice(2)])
}

/** In a checkout the sources themselves; in an installed package what was built from them. */
async function run() {
  hushExperiments()
  const module = await import('node:module')
  module.enableCompileCache?.(join(root, 'node_modules/.cache/holdfast'))
  const main = isCheckout ? 'src/cli/main.ts' : 'dist/cli/main.js'
  const { runProcess } = await import(pathToFileURL(join(root, main)).href)
  return runProcess()
}

/** Node marks type stripping and SQLite as experimental in some versions; that is no news for who runs a command. */
function hushExperiments() {
  const emit = process.emitWarning
  process.emitWarning = (warning, ...rest) => {
    const type = typeof rest[0] === 'object' && rest[0] !== null ? rest[0].type : rest[0]
    if (type === 'ExperimentalWarning' && /SQLite|Type Stripping/i.test(String(warning))) return
    emit.call(process, warning, ...rest)
  }
}

function giveUp() {
  const remedy = isCheckout ? 'run npm start once' : 'run npm install --save-dev node@24 here, or install Node 24'
  process.stderr.write(`Holdfast needs Node ${MINIMUM_TEXT} or later, this is ${process.version}: ${remedy}.\n`)
  return 1
}
