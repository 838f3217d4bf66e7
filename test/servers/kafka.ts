/** The mock cluster of librdkafka, which speaks Kafka's protocol from memory, inside kcat. */
import { ownServer, programPath } from './available.ts'
import { serverFolder, startServer } from './server.ts'

export interface KafkaServer {
  /** `host:port` of the first broker. */
  readonly broker: string
  stop(): Promise<void>
}

const READY = /bootstrap\.servers=(127\.0\.0\.1:\d+)/

/** Starts a mock cluster of one broker on a port of its choice, or uses HOLDFAST_TEST_KAFKA (then `stop` leaves it alone). */
export async function startKafka(): Promise<KafkaServer> {
  const own = ownServer('kafka')
  if (own !== undefined) return { broker: own, stop: async () => {} }
  const server = await startServer({
    name: 'the mock of Kafka',
    command: programPath('kafka'),
    args: ['-b', 'localhost:1', '-X', 'test.mock.num.brokers=1', '-X', 'debug=mock', '-P', '-t', 'any'],
    folder: serverFolder('kafka'),
    keepInput: true,
    ready: (output) => READY.test(output),
  })
  return { broker: READY.exec(server.output())![1]!, stop: server.stop }
}
