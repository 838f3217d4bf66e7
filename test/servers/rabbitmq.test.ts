import { connect } from 'amqplib'
import { describe, expect, it } from 'vitest'
import { missing, ownServer } from './available.ts'
import { listens } from './gone.ts'
import { startRabbit } from './rabbitmq.ts'

describe.skipIf(missing('rabbitmq'))('RabbitMQ for tests', () => {
  it('starts, answers, stops, and leaves nothing running', async () => {
    const server = await startRabbit()
    const connection = await connect(server.url)
    const channel = await connection.createConfirmChannel()
    const { queue } = await channel.assertQueue('', { exclusive: true })
    channel.sendToQueue(queue, Buffer.from('held'))
    await channel.waitForConfirms()
    const message = await channel.get(queue, { noAck: true })
    expect(message !== false && message.content.toString()).toBe('held')
    await connection.close()
    await server.stop()
    if (ownServer('rabbitmq') === undefined) expect(await listens(Number(new URL(server.url).port))).toBe(false)
  })
})
