// An example of a client of mobilepay in TypeScript: it logs in, pays for the first loan,
// sends the payment again as after a lost answer, cancels it and logs out.
//
// usage: node dist/main.js [URL of the API]
import { randomUUID } from 'node:crypto';
import { ApolloClient, ApolloLink, HttpLink, InMemoryCache } from '@apollo/client';
import { SetContextLink } from '@apollo/client/link/context';
import * as api from './api/graphql.js';
import possibleTypes from './api/possible-types.js';

let token = '';

const authorize = new SetContextLink(({ headers }) => ({
  headers: token ? { ...headers, authorization: `Bearer ${token}` } : headers,
}));
const http = new HttpLink({ uri: process.argv[2] ?? 'http://127.0.0.1:8080/graphql' });
const client = new ApolloClient({
  link: ApolloLink.from([authorize, http]),
  cache: new InMemoryCache({ possibleTypes: possibleTypes.possibleTypes }),
});

// accepted throws where a rule refuses it: an answer for the customer, not a fault. The
// concrete types carry what a screen needs to go on.
function accepted<P extends { userErrors: api.RefusalFragment[] }>(payload: P | undefined): P {
  if (!payload) throw new Error('no answer');
  for (const refusal of payload.userErrors) {
    const more = refusal.__typename === 'DateNotAllowedError' ? ` The earliest date is ${refusal.earliestOn}.` : '';
    throw new Error(`${refusal.code}: ${refusal.message}${more}`);
  }
  return payload;
}

async function logIn(username: string, password: string) {
  const { data } = await client.mutate({ mutation: api.LogInDocument, variables: { input: { username, password } } });
  const { session, viewer } = accepted(data?.logIn);
  token = session!.token;
  console.log(`logged in as ${viewer!.firstName}`);
}

async function pay() {
  const home = (await client.query({ query: api.HomeDocument })).data!;
  const vehicle = home.viewer.vehicles[0]!;
  const account = home.viewer.paymentAccounts.find((account) => account.isDefault)!;
  const scheduledOn = home.nextCutoff.scheduledOn;
  const amount: api.PaymentAmountInput = { fixed: '50.00' };
  console.log(`due for the ${vehicle.make} ${vehicle.model} is ${vehicle.amountDue.formatted}`);

  const input = { vehicleId: vehicle.id, amount, scheduledOn, paymentAccount: { saved: account.id } };
  const { data: previewed } = await client.query({
    query: api.PreviewPaymentDocument,
    variables: { input },
    fetchPolicy: 'no-cache',
  });
  const { preview } = accepted(previewed?.previewPayment);
  console.log(`the customer reads: ${preview!.authorization!.text}`);

  // Made once, when the screen opens: whatever is sent again, there is one payment.
  const payment = { ...input, idempotencyKey: randomUUID(), authorizationHash: preview!.authorization!.hash };
  const send = async () => {
    const { data } = await client.mutate({ mutation: api.SchedulePaymentDocument, variables: { input: payment } });
    const { payment: made, replayed } = accepted(data?.schedulePayment);
    console.log(`payment ${made!.confirmationNumber} is ${made!.status}, replayed: ${replayed}`);
    return made!.id;
  };
  await send();
  await cancel(await send());
}

async function cancel(paymentId: string) {
  const { data } = await client.mutate({ mutation: api.CancelPaymentDocument, variables: { input: { paymentId, confirm: true } } });
  const { payment } = accepted(data?.cancelPayment);
  console.log(`payment ${payment!.confirmationNumber} is ${payment!.status}`);
}

async function logOut() {
  const { data } = await client.mutate({ mutation: api.LogOutDocument });
  console.log(`logged out: ${accepted(data?.logOut).loggedOut}`);
}

await logIn('demo', 'open-road-2026');
await pay();
await logOut();
