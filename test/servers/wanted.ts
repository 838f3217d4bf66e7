/** Which real servers the tests of a tree ask for: those whose file in test/servers/ they import. */
import { globSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { readImports } from '../../tools/source-text.ts'
import { programs, type ServerName } from './programs.ts'

/** The servers that the tests among `files` import, or all tests' when no files are given. Paths are relative to `root`. */
export function wantedServers(root: string, files: readonly string[] = allTests(root)): ServerName[] {
  const wanted = new Set<ServerName>()
  for (const file of files)
    for (const { specifier } of readImports(readFileSync(join(root, file), 'utf8'))) {
      const name = basename(specifier, '.ts')
      if (name in programs && /^\.{1,2}\//.test(specifier)) wanted.add(name as ServerName)
    }
  return [...wanted].sort()
}

function allTests(root: string): string[] {
  return globSync('{src,test,tools,systems}/**/*.test.ts', { cwd: root })
}
