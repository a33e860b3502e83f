// An example of documents by their hash and of pages in a cache, as two clients do it:
// Apollo Client, which merges the pages of a connection, and urql.
//
// usage: node dist/pages.js [URL of the API]
import { createHash } from 'node:crypto';
import { ApolloClient, ApolloLink, HttpLink, InMemoryCache } from '@apollo/client';
import { PersistedQueryLink } from '@apollo/client/link/persisted-queries';
import { relayStylePagination } from '@apollo/client/utilities';
import { Client, cacheExchange, fetchExchange } from '@urql/core';
import { persistedExchange } from '@urql/exchange-persisted';
import * as api from './api/graphql.js';
import possibleTypes from './api/possible-types.js';

const url = process.argv[2] ?? 'http://127.0.0.1:8080/graphql';

// sender is a fetch that remembers what it has sent of each document.
function sender(token = '') {
  const sent: string[] = [];
  const send: typeof fetch = (input, init) => {
    const { query, extensions } = JSON.parse(String(init?.body)) as { query?: string; extensions?: { persistedQuery?: object } };
    sent.push([extensions?.persistedQuery && 'hash', query && 'document'].filter(Boolean).join(' and '));
    return fetch(input, { ...init, headers: { ...init?.headers, ...(token && { authorization: `Bearer ${token}` }) } });
  };
  return { sent, send };
}

async function logIn(): Promise<string> {
  const client = new Client({ url, exchanges: [fetchExchange], preferGetMethod: false });
  const input: api.LogInInput = { username: 'demo', password: 'open-road-2026', platform: 'WEB' };
  const { data, error } = await client.mutation(api.LogInDocument, { input }).toPromise();
  if (!data?.logIn.session) throw error ?? new Error('it was refused');
  return data.logIn.session.token;
}

async function byApollo(token: string) {
  const { sent, send } = sender(token);
  const client = new ApolloClient({
    link: ApolloLink.from([
      new PersistedQueryLink({ sha256: (text) => createHash('sha256').update(text).digest('hex') }),
      new HttpLink({ uri: url, fetch: send }),
    ]),
    cache: new InMemoryCache({
      possibleTypes: possibleTypes.possibleTypes,
      typePolicies: { Viewer: { fields: { payments: relayStylePagination(), statements: relayStylePagination() } } },
    }),
  });
  const query = api.PaymentHistoryDocument;
  const first = (await client.query({ query, variables: { first: 5 } })).data!;
  const list = client.watchQuery({ query, variables: { first: 5 } });
  const shown = list.subscribe(() => {}); // a screen would draw it
  console.log(`Apollo Client has ${first.viewer.payments.edges.length} payments`);
  await list.fetchMore({ variables: { after: first.viewer.payments.pageInfo.endCursor ?? null } });
  const { edges } = client.readQuery({ query, variables: { first: 5 } })!.viewer.payments;
  shown.unsubscribe();
  console.log(`Apollo Client has ${edges.length} payments, ${new Set(edges.map((edge) => edge.node.id)).size} of them different`);
  console.log(`Apollo Client sent ${sent.join(', ')}`);
}

async function byUrql(token: string) {
  const { sent, send } = sender(token);
  const client = new Client({
    url, fetch: send, preferGetMethod: false, exchanges: [cacheExchange, persistedExchange({ preferGetForPersistedQueries: false }), fetchExchange],
  });
  let after: string | null = null;
  for (let page = 1; page <= 2; page++) {
    const answer: { data?: api.PaymentHistoryQuery; error?: Error } =
      await client.query(api.PaymentHistoryDocument, { first: 4, after }).toPromise();
    if (!answer.data) throw answer.error ?? new Error('no answer');
    const { edges, pageInfo } = answer.data.viewer.payments;
    console.log(`urql has page ${page} with ${edges.length} payments`);
    after = pageInfo.endCursor ?? null;
  }
  console.log(`urql sent ${sent.join(', ')}`);
}

const token = await logIn();
await byApollo(token);
await byUrql(token);
