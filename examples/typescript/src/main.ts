// An example of a client of mobilepay in TypeScript: it logs in, pays for the first loan,
// sends the payment again as after a lost answer, cancels it, pays from a new account, for
// which the customer confirms who they are, and logs out.
//
// usage: node dist/main.js [URL of the API]
import { randomInt, randomUUID } from 'node:crypto';
import { ApolloClient, ApolloLink, HttpLink, InMemoryCache } from '@apollo/client';
import { SetContextLink } from '@apollo/client/link/context';
import * as api from './api/graphql.js';
import possibleTypes from './api/possible-types.js';

const url = process.argv[2] ?? 'http://127.0.0.1:8080/graphql';
const username = 'demo';
const password = 'open-road-2026'; // the sandbox's is no secret
let token = '';

const authorize = new SetContextLink(({ headers }) => ({
  headers: token ? { ...headers, authorization: `Bearer ${token}` } : headers,
}));
const http = new HttpLink({ uri: url });
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

async function logIn() {
  const input: api.LogInInput = { username, password, deviceName: 'TypeScript example', platform: 'WEB' };
  const { data } = await client.mutate({ mutation: api.LogInDocument, variables: { input } });
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

// payFromNewAccount adds a bank account while paying, which needs a step-up: what was
// refused is sent again, with the same key, when the customer has confirmed who they are.
async function payFromNewAccount() {
  const home = (await client.query({ query: api.HomeDocument })).data!;
  const input: api.SchedulePaymentInput = {
    // Not 00 at the end of the number: in the sandbox such an account has to be validated first.
    idempotencyKey: randomUUID(),
    vehicleId: home.viewer.vehicles[0]!.id,
    amount: { fixed: '35.00' },
    scheduledOn: home.nextCutoff.scheduledOn,
    paymentAccount: { new: { type: 'SAVINGS', routingNumber: '123456780', accountNumber: `${randomInt(1e8, 1e9)}1`, authorized: true } },
  };
  const send = async () => (await client.mutate({ mutation: api.SchedulePaymentDocument, variables: { input } })).data?.schedulePayment;
  let paid = await send();
  if (paid?.userErrors.some((refusal) => refusal.__typename === 'StepUpRequiredError')) {
    await confirmIdentity();
    paid = await send();
  }
  const { payment } = accepted(paid);
  console.log(`payment ${payment!.confirmationNumber} from the new account ending ${payment!.paymentAccount?.last4} is ${payment!.status}`);
  await cancel(payment!.id);
}

// confirmIdentity confirms who the customer is. The new token replaces the one before.
async function confirmIdentity() {
  const requested = (await client.mutate({ mutation: api.RequestIdentityCodeDocument })).data;
  console.log(`a code was sent to ${accepted(requested?.requestIdentityCode).sentTo}`);
  const input = { passwordAndCode: { password, code: await sandboxCode() } };
  const { data } = await client.mutate({ mutation: api.ConfirmIdentityDocument, variables: { input } });
  const { session, confirmedUntil } = accepted(data?.confirmIdentity);
  token = session!.token;
  console.log(`confirmed until ${confirmedUntil}`);
}

// sandboxCode is the code that was sent last. An app asks the customer, in whose mail it
// is; only a sandbox shows it.
async function sandboxCode(): Promise<string> {
  const response = await fetch(new URL('/sandbox/outbox', url));
  const { notices } = (await response.json()) as { notices: { code?: string }[] };
  return notices.find((notice) => notice.code)?.code ?? '';
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

await logIn();
await pay();
await payFromNewAccount();
await logOut();
