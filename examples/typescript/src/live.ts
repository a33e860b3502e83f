// An example of live updates, as two clients follow them: Apollo Client by WebSocket and
// urql by server-sent events. A payment is made, the connection is lost, and the payment is
// cancelled meanwhile: both are seen, once.
//
// usage: node dist/live.js [URL of the API]
import { randomUUID } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
import { ApolloClient, ApolloLink, HttpLink, InMemoryCache } from '@apollo/client';
import { SetContextLink } from '@apollo/client/link/context';
import { GraphQLWsLink } from '@apollo/client/link/subscriptions';
import { Client, subscriptionExchange } from '@urql/core';
import * as sse from 'graphql-sse';
import * as ws from 'graphql-ws';
import { filter, firstValueFrom, map, Observable, ReplaySubject } from 'rxjs';
import WebSocket from 'ws'; // a browser has its own
import * as api from './api/graphql.js';
import possibleTypes from './api/possible-types.js';

const url = process.argv[2] ?? 'http://127.0.0.1:8080/graphql';
let token = '';
const authorization = (): Record<string, string> => (token ? { Authorization: `Bearer ${token}` } : {});

type PaymentEvent = api.PaymentUpdatedSubscription['paymentUpdated'];

// Updates is how a client follows the customer's payments.
interface Updates {
  after(cursor: string): Observable<PaymentEvent>;
  lose(): void; // its connection
  connections(): number; // so far
}

// resuming lets a subscription go on behind the last event. Both libraries connect again by
// themselves, and ask again for what they were given: by then it names that event.
const resuming =
  (subscribe: ws.Client['subscribe']): ws.Client['subscribe'] =>
  (request, sink) => {
    const current = { ...request, variables: { ...request.variables } };
    return subscribe<any, any>(current, {
      ...sink,
      next: (answer) => {
        for (const event of Object.values<{ cursor?: string } | null>(answer.data ?? {})) {
          if (event?.cursor) current.variables.after = event.cursor;
        }
        sink.next(answer);
      },
    });
  };

// soon waits before it is tried again: longer each time, and each client a time of its own.
const soon = (retries: number) => setTimeout(200 * 2 ** retries * (0.5 + Math.random()));

// byApollo names the token in the first message of the socket, because a browser can set no
// header on one. It is asked for at each connection: ConfirmIdentity makes a new one.
function byApollo(): Updates {
  let connections = 0;
  const socket = ws.createClient({
    url: url.replace(/^http/, 'ws'), webSocketImpl: WebSocket, connectionParams: authorization,
    retryAttempts: 10, retryWait: soon, on: { connected: () => connections++ },
  });
  const client = new ApolloClient({
    link: new GraphQLWsLink({ ...socket, subscribe: resuming(socket.subscribe) }),
    cache: new InMemoryCache({ possibleTypes: possibleTypes.possibleTypes }),
  });
  return {
    after: (cursor) => client.subscribe({ query: api.PaymentUpdatedDocument, variables: { after: cursor } }).pipe(map(({ data, error }) => {
      if (!data) throw error ?? new Error('no event');
      return data.paymentUpdated;
    })),
    lose: () => socket.terminate(),
    connections: () => connections,
  };
}

// byUrql reads server-sent events by fetch, which sends the header as it does elsewhere.
function byUrql(): Updates {
  let connections = 0;
  let line = new AbortController();
  const stream = sse.createClient({
    url, headers: authorization, retryAttempts: 10, retry: soon, on: { connected: () => connections++ },
    fetchFn: (input: string, init: RequestInit) => fetch(input, { ...init, signal: AbortSignal.any([init.signal!, line.signal]) }),
  });
  const subscribe = resuming(stream.subscribe as ws.Client['subscribe']);
  const exchange = subscriptionExchange({
    forwardSubscription: ({ query = '', variables = {} }) => ({
      subscribe: (sink) => ({ unsubscribe: subscribe<any, any>({ query, variables }, sink as ws.Sink) }),
    }),
  });
  const client = new Client({ url, exchanges: [exchange], preferGetMethod: false });
  return {
    after: (cursor) => new Observable((sink) => client.subscription(api.PaymentUpdatedDocument, { after: cursor }).subscribe(({ data, error }) => {
      if (data) sink.next(data.paymentUpdated);
      else sink.error(error ?? new Error('no event'));
    }).unsubscribe),
    lose: () => {
      line.abort();
      line = new AbortController();
    },
    connections: () => connections,
  };
}

const client = new ApolloClient({
  link: ApolloLink.from([new SetContextLink(({ headers }) => ({ headers: { ...headers, ...authorization() } })), new HttpLink({ uri: url })]),
  cache: new InMemoryCache({ possibleTypes: possibleTypes.possibleTypes }),
  defaultOptions: { query: { fetchPolicy: 'network-only' } },
});

async function logIn() {
  const input: api.LogInInput = { username: 'demo', password: 'open-road-2026', platform: 'WEB' };
  const { data } = await client.mutate({ mutation: api.LogInDocument, variables: { input } });
  token = data!.logIn.session!.token;
}

async function pay(home: api.HomeQuery): Promise<string> {
  const input: api.SchedulePaymentInput = {
    idempotencyKey: randomUUID(), vehicleId: home.viewer.vehicles[0]!.id, amount: { fixed: '20.00' },
    scheduledOn: home.nextCutoff.scheduledOn, paymentAccount: { saved: home.viewer.paymentAccounts[0]!.id },
  };
  const { data } = await client.mutate({ mutation: api.SchedulePaymentDocument, variables: { input } });
  return data!.schedulePayment.payment!.id;
}

async function cancel(paymentId: string) {
  await client.mutate({ mutation: api.CancelPaymentDocument, variables: { input: { paymentId, confirm: true } } });
}

async function follow(name: string, updates: Updates) {
  // First the cursor, then what the screen shows, then what happens after the cursor: in
  // any other order something could be missed.
  const { eventCursor } = (await client.query({ query: api.EventCursorDocument })).data!;
  const home = (await client.query({ query: api.HomeDocument })).data!;
  const events = new ReplaySubject<PaymentEvent>();
  const seen: string[] = [];
  events.subscribe(({ kind }) => seen.push(kind));
  const following = updates.after(eventCursor).subscribe(events);

  const id = await pay(home);
  const is = (kind: api.PaymentEventKind) => firstValueFrom(events.pipe(filter((event) => event.payment.id === id && event.kind === kind)));
  await is('SCHEDULED');
  updates.lose();
  await cancel(id);
  const { payment } = await is('CANCELED');
  following.unsubscribe();
  console.log(`${name} has seen ${seen.join(', ')} in ${updates.connections()} connections; the payment is ${payment.status}`);
}

await logIn();
await follow('Apollo Client', byApollo());
await follow('urql', byUrql());
