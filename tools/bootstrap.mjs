// What `npm start` and `npm test` run first, on whatever Node the machine has (16 and later): installs what is missing, then
// runs the given command with the project's own Node and tools.
//
//     node tools/bootstrap.mjs holdfast up        node tools/bootstrap.mjs node tools/test.ts
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { findNode, MINIMUM_TEXT } from '../bin/find-node.mjs'
import { runChild } from '../bin/run-child.mjs'

const self = realpathSync(fileURLToPath(import.meta.url))
const root = dirname(dirname(self))
const modules = join(root, 'node_modules')
const lockFile = join(root, 'package-lock.json')
/** Says which lock file the installed packages are of. */
const stamp = join(modules, '.holdfast-stamp')
/** npm's own record, written when an installation is complete. */
const npmRecord = join(modules, '.package-lock.json')

if (process.argv[1] !== undefined && realpathSync(process.argv[1]) === self) process.exitCode = await main(process.argv.slice(2))

async function main([command, ...args]) {
  if (command === undefined) return fail('Usage: node tools/bootstrap.mjs COMMAND [ARGUMENTS]', 2)
  const code = await install()
  if (code !== 0) return code
  const node = findNode([root])
  if (node === undefined) return fail(`Holdfast needs Node ${MINIMUM_TEXT} or later, and npm did not bring it: install Node 24.`)
  const env = { ...process.env, PATH: [dirname(node), join(modules, '.bin'), process.env.PATH].join(delimiter) }
  if (command === 'holdfast') return runChild(node, [join(root, 'bin/holdfast.mjs'), ...args], env)
  return runChild(command === 'node' ? node : command, args, env)
}

/** Installs the packages of the lock file unless they are there. Resolves with an exit code. */
export async function install() {
  if (isInstalled()) return linkBin()
  const release = await takeTurn()
  try {
    return isInstalled() ? linkBin() : await runNpm()
  } finally {
    release()
  }
}

function isInstalled() {
  if (!existsSync(npmRecord)) return false
  const wanted = fingerprint()
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return true
  // Somebody ran npm by hand: its record is then at least as new as the lock file.
  if (statSync(npmRecord).mtimeMs < statSync(lockFile).mtimeMs) return false
  writeFileSync(stamp, wanted)
  return true
}

function fingerprint() {
  return createHash('sha256').update(readFileSync(lockFile)).update(`${process.platform} ${process.arch}`).digest('hex')
}

async function runNpm() {
  const started = Date.now()
  const seconds = () => `${Math.round((Date.now() - started) / 1000)} s`
  say('Installing what Holdfast needs (npm ci), about half a minute …')
  const ticking = process.stderr.isTTY ? setInterval(() => process.stderr.write(`\r  ${seconds()} `), 1000) : undefined
  const { code, output } = await collect(npmCommand())
  clearInterval(ticking)
  if (process.stderr.isTTY) process.stderr.write('\r')
  if (code !== 0) {
    say(output.trimEnd())
    return fail(
      `npm ci failed after ${seconds()} (its words are above). Check the network and the registry, then run this again.`,
    )
  }
  writeFileSync(stamp, fingerprint())
  say(`Installed in ${seconds()}.`)
  return linkBin()
}

/** npm links the bins of a project's dependencies, not its own; with this link `npx holdfast` finds it at once. */
function linkBin() {
  const link = join(modules, '.bin/holdfast')
  try {
    if (!existsSync(link)) {
      mkdirSync(dirname(link), { recursive: true })
      symlinkSync('../../bin/holdfast.mjs', link)
    }
  } catch {
    // Without it npx takes a longer way to the same place.
  }
  return 0
}

/** The npm that runs this, if one does. Development tools are wanted whatever NODE_ENV says: Node itself is one of them. */
function npmCommand() {
  const args = ['ci', '--no-audit', '--no-fund', '--include=dev']
  const npm = process.env.npm_execpath
  return npm !== undefined && /npm-cli\.c?js$/.test(npm) ? [process.execPath, [npm, ...args]] : ['npm', args]
}

function collect([program, args]) {
  return new Promise((done) => {
    let output = ''
    const child = spawn(program, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] })
    const stop = (signal) => child.kill(signal)
    for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, stop)
    const finish = (code) => {
      for (const signal of ['SIGINT', 'SIGTERM']) process.off(signal, stop)
      done({ code, output })
    }
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => (output += text))
    child.once('error', (error) => {
      output += `${program}: ${error.message}\n`
      finish(127)
    })
    child.once('close', (code) => finish(code === null ? 130 : code))
  })
}

/** One installs, the others wait: `npm ci` in two terminals at once leaves neither with packages. */
async function takeTurn() {
  const lock = join(tmpdir(), `holdfast-install-${createHash('sha256').update(root).digest('hex').slice(0, 16)}.lock`)
  for (let told = false; ; told = true) {
    try {
      const file = openSync(lock, 'wx', 0o600)
      writeSync(file, String(process.pid))
      closeSync(file)
      return () => rmSync(lock, { force: true })
    } catch (error) {
      if (error.code !== 'EEXIST') throw error
    }
    if (!isAlive(lock)) rmSync(lock, { force: true })
    else if (!told) say('Another process is installing already; waiting for it …')
    await new Promise((resume) => setTimeout(resume, 300))
  }
}

function isAlive(lock) {
  try {
    const pid = Number(readFileSync(lock, 'utf8'))
    // Written in two steps: an empty one is being written.
    if (pid === 0) return Date.now() - statSync(lock).mtimeMs < 2000
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error.code === 'EPERM'
  }
}

// On stderr: what is asked for on stdout must stay clean.
function say(text) {
  process.stderr.write(`${text}\n`)
}

function fail(text, code = 1) {
  say(text)
  return code
}
