// Follows payments with a published client, graphql-ws or graphql-sse, as an app does:
// where a connection ends it goes on at the next server behind the last cursor. Prints
// a line of JSON for each event and ends after as many as it is told.
import { createClient as createSSE } from 'graphql-sse'
import { createClient as createWS } from 'graphql-ws'
import WebSocket from 'ws'

const [kind, token, cursor, count, ...servers] = process.argv.slice(2)

function connect(server) {
  if (kind === 'graphql-sse') {
    return createSSE({ url: server, headers: { Authorization: `Bearer ${token}` }, retryAttempts: 0 })
  }
  return createWS({
    url: server.replace(/^http/, 'ws'),
    connectionParams: { Authorization: `Bearer ${token}` },
    webSocketImpl: WebSocket,
    retryAttempts: 0,
  })
}

const query = 'subscription($after: String) { paymentUpdated(after: $after) { cursor kind payment { id } } }'

async function ask(client, document) {
  for await (const answer of client.iterate({ query: document })) return answer
}

let after = cursor
let seen = 0
for (let i = 0; seen < Number(count); i++) {
  const client = connect(servers[i % servers.length])
  try {
    const { data } = await ask(client, '{ viewer { id } }')
    if (!data.viewer.id) throw new Error('a query has no answer')
    for await (const { data, errors } of client.iterate({ query, variables: { after } })) {
      if (errors) throw new Error(JSON.stringify(errors))
      const { cursor, kind, payment } = data.paymentUpdated
      console.log(JSON.stringify({ server: i, kind, id: payment.id }))
      after = cursor
      if (++seen === Number(count)) break
    }
  } catch (end) {
    // A close, or an error of the network: go on. Anything else is the server's fault.
    console.log(JSON.stringify({ server: i, end: String(end?.code ?? end?.name ?? end) }))
    if (i > 20) throw end
  } finally {
    await client.dispose()
  }
}
