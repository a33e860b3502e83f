// What the placeholders of the examples stand for: the ids and dates in the books of
// whoever is logged in, and what has to be new each time.
import { ask, latestChallenge, latestCode } from './session';
import type { Entry } from './entries';

export type Facts = Record<string, string | undefined>;

export interface Moment {
  now: string;
  at: string;
}

// readFacts asks what the app itself would ask for its screens.
export async function readFacts(entries: Entry[]): Promise<{ facts: Facts; moment?: Moment }> {
  const read = async (operationName: string, variables = {}) => {
    const query = entries.find((entry) => entry.name === operationName)?.query;
    return query ? ((await ask({ query, operationName, variables })).data ?? {}) : {};
  };
  const [home, pending, statements, profile, open, messages, disclosure, partners, code] = await Promise.all([
    read('Home'),
    read('PendingPayments', { first: 100 }),
    read('Statements', { first: 1 }),
    read('Profile'),
    read('Sessions'),
    read('Conversations', { first: 1 }),
    read('OnlineStatementsDisclosure'),
    read('Partners'),
    latestCode(),
  ]);
  const vehicles: any[] = home.viewer?.vehicles ?? [];
  const accounts: any[] = home.viewer?.paymentAccounts ?? [];
  const payments: any[] = (pending.viewer?.pendingPayments.edges ?? []).map((edge: any) => edge.node);
  payments.sort((a, b) => b.submittedAt.localeCompare(a.submittedAt)); // the newest first
  const conversation = messages.viewer?.conversations.edges[0]?.node;
  const first = (list: any[], wanted: (item: any) => boolean) => (list.find(wanted) ?? list[0])?.id;
  const today = home.nextCutoff?.today;
  const facts: Facts = {
    loan: first(vehicles, (v) => v.contract.__typename === 'Loan'),
    withoutAutoPay: first(vehicles, (v) => !v.autoPay),
    onPaper: first(vehicles, (v) => !v.paperlessSince),
    paperless: first(vehicles, (v) => v.paperlessSince),
    autoPay: vehicles.find((v) => v.autoPay)?.autoPay.id,
    account: first(accounts, (a) => a.isDefault),
    otherAccount: first(accounts.toReversed(), (a) => !a.isDefault),
    pending: first(payments, (p) => p.canCancel),
    statement: statements.viewer?.vehicles.flatMap((v: any) => v.statements.edges)[0]?.node.id,
    conversation: conversation?.id,
    message: conversation?.messages.edges.at(-1)?.node.id,
    disclosureHash: disclosure.viewer?.onlineStatementsDisclosure.hash,
    username: profile.viewer?.username,
    email: profile.viewer?.email,
    phone: profile.viewer?.phone,
    otherSession: open.viewer?.sessions.find((s: any) => !s.current)?.id,
    partner: partners.partners?.[0]?.id,
    grant: partners.viewer?.partnerGrants[0]?.id,
    code,
    challenge: latestChallenge(),
    today,
    earliest: home.nextCutoff?.scheduledOn,
    inAWeek: today && addDays(today, 7),
    inTwoWeeks: today && addDays(today, 14),
  };
  return { facts, moment: home.nextCutoff };
}

function addDays(date: string, days: number): string {
  const day = new Date(`${date}T00:00:00Z`);
  day.setUTCDate(day.getUTCDate() + days);
  return day.toISOString().slice(0, 10);
}

function randomDigits(n: number): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(n)), (byte) => byte % 10).join('');
}

// fillIn puts facts in the place of placeholders. What is not known stays as it is.
export function fillIn(value: unknown, facts: Facts): unknown {
  if (typeof value === 'string' && value.startsWith('$')) {
    if (value === '$key') return `playground-${randomDigits(20)}`;
    if (value === '$accountNumber') return randomDigits(10);
    return facts[value.slice(1)] ?? value;
  }
  if (Array.isArray(value)) return value.map((element) => fillIn(element, facts));
  if (value && typeof value === 'object') {
    return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, fillIn(member, facts)]));
  }
  return value;
}
