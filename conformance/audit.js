// Runs every audit of graphql-http against the server at the URL given, and prints
// one line of JSON with the outcome of each.
import { serverAudits } from 'graphql-http'

const [url] = process.argv.slice(2)
const outcomes = []
for (const { id, name, fn } of serverAudits({ url, fetchFn: fetch })) {
  const { status, reason } = await fn()
  outcomes.push({ id, name, status, reason })
}
console.log(JSON.stringify(outcomes))
