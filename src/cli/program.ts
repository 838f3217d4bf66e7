/**
 * The commands, their arguments and options. What a command does is loaded when it is called, so that `--help` and the small
 * ones stay quick.
 */
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander'
import { FLAGS } from '../config/flags.ts'
import { DEAD_LETTER_STATUSES, JOB_STATES } from '../work/job.ts'
import { EXIT } from './cli-error.ts'
import type { Context } from './context.ts'

// biome-ignore lint/suspicious/noExplicitAny: commander hands over arguments by position
type Action = (context: Context, ...args: any[]) => Promise<number | undefined>

export interface Program {
  /** Runs what `argv` says; answers the exit code. @throws whatever the command throws */
  run(argv: readonly string[]): Promise<number>
}

export function createProgram(context: Context): Program {
  let exitCode: number = EXIT.ok
  const does = (command: Command, load: () => Promise<Action>): void => {
    command.action(async (...args: unknown[]) => {
      const action = await load()
      // The last argument is the command itself.
      exitCode = (await action(context, ...args.slice(0, -1))) ?? EXIT.ok
    })
  }
  const program = root(context)
  addProcess(program, does)
  addJobs(program, does)
  addBatches(program, does)
  addDeadLetters(program, does)
  addTargets(program, does)
  addSchedules(program, does)
  addHelpers(program, does)
  return {
    async run(argv) {
      try {
        await program.parseAsync(argv.length === 0 ? ['--help'] : argv, { from: 'user' })
        return exitCode
      } catch (error) {
        if (!(error instanceof CommanderError)) throw error
        return error.exitCode === 0 ? EXIT.ok : EXIT.usage
      }
    },
  }
}

type Does = (command: Command, load: () => Promise<Action>) => void

function root({ io, version }: Context): Command {
  return (
    new Command('holdfast')
      // What stands behind a subcommand is the subcommand's, though its parent knows an option of the same name.
      .enablePositionalOptions()
      .description(
        'Durable work and resilience: every call timed out, retried, limited; what cannot be done now is held and done later.',
      )
      .version(version, '-V, --version')
      .exitOverride()
      .configureOutput({
        writeOut: (text) => io.stdout.write(text),
        writeErr: (text) => io.stderr.write(text),
        getOutHelpWidth: () => io.stdout.columns ?? 100,
        getErrHelpWidth: () => io.stderr.columns ?? 100,
        getOutHasColors: () => false,
        getErrHasColors: () => false,
      })
      .showHelpAfterError('(holdfast COMMAND --help tells more)')
  )
}

function addProcess(program: Command, does: Does): void {
  const up = program.command('up').description('run worker, HTTP API and dashboard')
  does(settings(up), async () => (await import('./commands/up.ts')).up)

  const status = program.command('status').description('how it goes; exits 0 healthy, 1 degraded, 2 unhealthy or unreachable')
  does(talks(status), async () => (await import('./commands/status.ts')).status)
}

function addJobs(program: Command, does: Does): void {
  const send = program
    .command('send')
    .description('enqueue a job')
    .argument('<kind>', 'such as http')
    .argument('<json>', 'the payload; @FILE reads a file, - reads stdin')
    .option('-k, --key <key>', 'idempotency key: the same key sends once')
    .option('--run-at <time>', 'ISO 8601, or from now: 10m')
    .addOption(new Option('--priority <n>', 'higher goes first').argParser(wholeNumber))
    .addOption(new Option('--max-attempts <n>', 'instead of its kind’s').argParser(wholeNumber))
  does(talks(send), async () => (await import('./commands/send.ts')).send)

  const jobs = program.command('jobs').description('look at jobs, cancel and retry them')
  const list = filters(jobs.command('list').description('newest first'))
    .addOption(new Option('--state <state>', 'only those').choices(JOB_STATES))
    .option('--batch <id>', 'only those of it')
  does(talks(list), async () => (await import('./commands/jobs.ts')).listJobs)
  const show = jobs.command('show').description('one job, its story, and why it is not running').argument('<id>')
  does(talks(show), async () => (await import('./commands/jobs.ts')).showJob)
  const cancel = jobs.command('cancel').description('stop waiting jobs, and ask running ones to stop').argument('<ids...>')
  does(talks(cancel), async () => (await import('./commands/jobs.ts')).cancelJobs)
  const retry = jobs.command('retry').description('run again now').argument('<ids...>')
  does(talks(retry), async () => (await import('./commands/jobs.ts')).retryJobs)

  const explain = program.command('explain').description('why a job is where it is, in sentences').argument('<job>')
  does(talks(explain), async () => (await import('./commands/explain.ts')).explain)
}

function addBatches(program: Command, does: Does): void {
  const batches = program.command('batches').description('jobs that belong together: how far, and what follows')
  const list = pages(batches.command('list').description('those that have not ended, then the last to end')).addOption(
    new Option('--state <state>', 'only those').choices(['open', 'ended']),
  )
  does(talks(list), async () => (await import('./commands/batches.ts')).listBatches)
  const show = batches.command('show').description('where one stands').argument('<id>')
  does(talks(show), async () => (await import('./commands/batches.ts')).showBatch)
}

function addDeadLetters(program: Command, does: Does): void {
  const dlq = program.command('dlq').description('dead letters: jobs that failed for good')
  const list = filters(dlq.command('list').description('newest first')).addOption(
    new Option('--status <status>', 'only those').choices(DEAD_LETTER_STATUSES),
  )
  does(talks(list), async () => (await import('./commands/dlq.ts')).listDeadLetters)
  does(
    talks(dlq.command('stats').description('how many, by target, kind and status')),
    async () => (await import('./commands/dlq.ts')).deadLetterStats,
  )
  const redrive = dlq
    .command('redrive')
    .description('bring them back: by id, by target, by kind, or all')
    .argument('[ids...]')
    .option('--target <target>', 'only those that aim at it')
    .option('--kind <kind>', 'only those of it')
    .option('--all', 'all that are pending or exhausted')
    .addOption(new Option('--limit <n>', 'at most so many (100)').argParser(wholeNumber))
    .addOption(new Option('--pace <n>', 'at most so many a second (all at once)').argParser(wholeNumber))
    .option('--dry-run', 'say which, change nothing')
  does(talks(redrive), async () => (await import('./commands/dlq.ts')).redriveDeadLetters)
  const discard = dlq.command('discard').description('give them up').argument('<ids...>')
  does(talks(discard), async () => (await import('./commands/dlq.ts')).discardDeadLetters)
}

function addTargets(program: Command, does: Does): void {
  const targets = program.command('targets').description('what jobs aim at: breakers, limits, held jobs')
  does(talks(targets.command('list').description('all of them')), async () => (await import('./commands/targets.ts')).listTargets)
  for (const [name, description] of [
    ['isolate', 'hold its breaker open until reset'],
    ['reset', 'close its breaker and forget its failures'],
    ['resume', 'end a pause'],
  ] as const)
    does(talks(targets.command(name).description(description).argument('<target>')), async () =>
      (await import('./commands/targets.ts')).changeTarget(name),
    )
  const pause = targets
    .command('pause')
    .description('hold its jobs')
    .argument('<target>')
    .option('--until <time>', 'ISO 8601, or from now: 10m; else until resumed')
  does(talks(pause), async () => (await import('./commands/targets.ts')).pauseTarget)
}

function addSchedules(program: Command, does: Does): void {
  const schedules = program.command('schedules').description('what is done again and again, and when next')
  const list = schedules.command('list').description('all of them')
  does(talks(list), async () => (await import('./commands/schedules.ts')).listSchedules)
  for (const [name, description] of [
    ['pause', 'let its times pass'],
    ['resume', 'end a pause; what passed meanwhile is not done'],
  ] as const)
    does(talks(schedules.command(name).description(description).argument('<schedule>')), async () =>
      (await import('./commands/schedules.ts')).changeSchedule(name),
    )
  const run = schedules.command('run').description('enqueue its job now').argument('<schedule>')
  does(talks(run), async () => (await import('./commands/schedules.ts')).runSchedule)
}

function addHelpers(program: Command, does: Does): void {
  const config = program.command('config').description('the configuration')
  const dump = settings(config.command('dump').description('every value and where it came from')).option('--json', 'as JSON')
  does(dump, async () => (await import('./commands/config-dump.ts')).dump)

  const doctor = settings(program.command('doctor').description('check this machine and what to do about it')).option(
    '--json',
    'as JSON',
  )
  does(doctor, async () => (await import('./commands/doctor.ts')).doctor)

  const drill = program
    .command('drill')
    .description('kill worker processes of its own at work, on a scratch store, and prove that nothing is lost')
    .option('--store <url>', 'a scratch file beside sqlite:PATH, or a scratch schema in postgres://…; else a temporary file')
    .addOption(new Option('--jobs <n>', 'how many (240)').argParser(wholeNumber))
    .addOption(new Option('--kills <n>', 'how many processes (3)').argParser(wholeNumber))
    .option('--json', 'as JSON')
  does(drill, async () => (await import('./commands/drill.ts')).drill)

  const migrate = program
    .command('migrate')
    .enablePositionalOptions()
    .description('bring the store up to date, or move everything to another store')
    .option('--from <store>', 'move from here: sqlite:PATH or postgres://…')
    .option('--to <store>', 'to here: an empty one; a move that was broken off goes on')
  does(settings(migrate).option('--json', 'as JSON'), async () => (await import('./commands/migrate.ts')).migrate)
  does(
    settings(migrate.command('up').description('bring the store up to date')).option('--json', 'as JSON'),
    async () => (await import('./commands/migrate.ts')).migrate,
  )
  const status = settings(migrate.command('status').description('which version the store has')).option('--json', 'as JSON')
  does(status, async () => (await import('./commands/migrate.ts')).migrateStatus)
}

/** Options that set the configuration. */
function settings(command: Command): Command {
  for (const { flag, description } of FLAGS) command.option(flag, description)
  return command
    .option('--timeout <name=duration...>', 'a timeout profile or operation: short=5s, goto=long')
    .option('--config <file>', 'instead of holdfast.config.* in this folder')
}

/** Options of commands that talk to a running Holdfast. */
function talks(command: Command): Command {
  return command
    .option('--json', 'as JSON')
    .option('--url <url>', 'where Holdfast runs (HOLDFAST_URL; else by the configuration)')
    .option('--config <file>', 'instead of holdfast.config.* in this folder')
}

function filters(command: Command): Command {
  return pages(command.option('--kind <kind>', 'only those').option('--target <target>', 'only those'))
}

function pages(command: Command): Command {
  return command
    .addOption(new Option('--limit <n>', 'at most so many').default(50).argParser(wholeNumber))
    .option('--cursor <cursor>', 'go on where the last page ended')
}

function wholeNumber(text: string): number {
  if (!/^-?\d+$/.test(text)) throw new InvalidArgumentError('It must be a whole number.')
  return Number(text)
}
