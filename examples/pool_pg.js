// node-postgres' pool: a connection is closed when its server asks for it, at once or at its next check-in.
//
// node-postgres speaks the protocol itself, without libpq: it works with pg_goaway, and with goaway-proxy --parameter-status.
//
// It runs each line of its input as a query. The environment variables PGHOST etc. select the server.

const readline = require('node:readline')
const { Pool } = require('pg')

const pool = new Pool({ max: 4 })
const asked = new WeakSet()
// Errors of idle connections are ignored: the pool replaces these connections.
pool.on('error', () => {})

// Takes out and releases idle connections; one that is released with `true` is closed.
async function visitIdleConnections() {
  const idle = await Promise.allSettled(Array.from({ length: pool.idleCount }, () => pool.connect()))
  idle.forEach(({ value: client }) => client?.release(asked.has(client)))
}

pool.on('connect', (client) => {
  client.connection.on('parameterStatus', ({ parameterName, parameterValue }) => {
    if (parameterName !== 'disconnect_requested' || parameterValue !== 'on') return
    asked.add(client)
    setImmediate(visitIdleConnections)
  })
})
pool.on('release', (_error, client) => {
  if (asked.has(client)) setImmediate(visitIdleConnections)
})

async function main() {
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const client = await pool.connect()
    const { rows } = await client.query({ text: line, rowMode: 'array' })
    console.log(`${rows[0][0]} (server process ${client.processID})`)
    client.release()
  }
  await pool.end()
}

main()
