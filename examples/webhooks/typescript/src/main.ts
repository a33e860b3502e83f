// The receiver takes webhooks: it refuses what is not signed with its secret or is stale,
// does each event once, and prints it.
//
//   npm run build && WEBHOOK_SECRET=whsec_... npm start -- 9000
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { Webhook } from "standardwebhooks";

/** The body of a webhook. */
interface Event {
  type: string;
  timestamp: string;
  data: { id: string; customerId: string; objectId: string };
}

const secret = process.env["WEBHOOK_SECRET"];
if (!secret) throw new Error("set WEBHOOK_SECRET to the secret of the endpoint");
const verifier = new Webhook(secret);

/** More than an event has, in bytes. */
const largest = 64 << 10;

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > largest) throw new Error("the body is too large");
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

/** A program that restarts keeps the ids in its database, in the transaction of what it does. */
const done = new Set<string>();

/** What to answer: what is not verified is refused. */
async function take(request: IncomingMessage): Promise<number> {
  let event: Event;
  try {
    // The bytes that came are what was signed: they are verified before they are parsed.
    // verify also refuses what is more than five minutes old or ahead.
    event = verifier.verify(await bodyOf(request), request.headers as Record<string, string>) as Event;
  } catch {
    return 401;
  }
  if (!done.has(event.data.id)) { // sent at least once: maybe again
    done.add(event.data.id);
    console.log(event.type, event.data.objectId, event.data.customerId);
  }
  return 204;
}

const server = createServer((request, response) => {
  void take(request).then((status) => response.writeHead(status).end());
});
server.listen(Number(process.argv[2] ?? 9000), "127.0.0.1", () => {
  console.log("listening on", `127.0.0.1:${(server.address() as AddressInfo).port}`);
});
