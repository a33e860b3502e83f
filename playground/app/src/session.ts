// The session of the page. Its token is in this module's memory and nowhere else: a
// reload logs out.
import { useSyncExternalStore } from 'react';
import type { Fetcher, FetcherParams } from '@graphiql/toolkit';
import { Kind, parse, type ExecutionResult, type OperationDefinitionNode } from 'graphql';
import { createClient, type RequestParams, type StreamEvent, type StreamMessage } from 'graphql-sse';

export interface Session {
  name: string;
  expiresAt: string;
}

export interface Answer {
  data?: Record<string, any> | null;
  errors?: { message: string; extensions?: { code?: string } }[];
}

let token = '';
let session: Session | null = null;
let methods: string[] | null = null; // by which the customer can confirm who they are, where that is asked for
let challenge: string | undefined; // what was answered last to who has forgotten something
const listeners = new Set<() => void>();

function change(to: Session | null) {
  if (!to) token = '';
  session = to;
  if (!to) methods = null;
  tell();
}

function askFor(these: string[] | null) {
  methods = these;
  tell();
}

const tell = () => listeners.forEach((listener) => listener());

const listen = (listener: () => void) => {
  listeners.add(listener);
  return () => listeners.delete(listener);
};

export const useSession = () => useSyncExternalStore(listen, () => session);

// useStepUp is by what methods the customer has to confirm who they are, if at all.
export const useStepUp = () => useSyncExternalStore(listen, () => methods);

export const latestChallenge = () => challenge;

const authorization = (): Record<string, string> => (token ? { Authorization: `Bearer ${token}` } : {});

// ask sends an operation as whoever is logged in.
export async function ask(params: FetcherParams, headers: Record<string, string> = {}): Promise<Answer> {
  const response = await fetch('/graphql', {
    method: 'POST',
    headers: { Accept: 'application/graphql-response+json, application/json;q=0.9', 'Content-Type': 'application/json', ...authorization(), ...headers },
    body: JSON.stringify(params),
  });
  const answer: Answer = await response.json();
  notice(answer);
  return answer;
}

// notice sees in an answer whether somebody else is logged in by it: any mutation that
// answers a session logs in, in whatever way that was reached. Where the session is an
// earlier one with a new token, its customer is not told again.
function notice(answer: Answer) {
  for (const payload of Object.values(answer.data ?? {})) {
    if (payload?.session?.token) {
      token = payload.session.token;
      const { firstName = '', lastName = '' } = payload.viewer ?? {};
      const name = `${firstName} ${lastName}`.trim() || session?.name || 'Logged in';
      change({ name, expiresAt: payload.session.expiresAt ?? session?.expiresAt });
    }
    if (payload?.loggedOut) change(null);
    if (payload?.confirmedUntil) askFor(null);
    if (payload?.challengeId) challenge = payload.challengeId;
    const refusal = payload?.userErrors?.find((refusal: { code?: string }) => refusal.code === 'STEP_UP_REQUIRED');
    if (refusal) askFor(refusal.methods ?? []);
  }
  if (token && answer.errors?.some((error) => error.extensions?.code === 'UNAUTHENTICATED')) change(null);
}

// follow is the events of a subscription, each an answer, until it is stopped or the server
// ends it. It does not begin again by itself: who looks on should see that it has ended.
function follow(params: FetcherParams, headers: Record<string, string> = {}) {
  const stream = createClient({ url: '/graphql', headers: { ...authorization(), ...headers }, retryAttempts: 0 });
  const message = ({ data }: StreamMessage<false, StreamEvent>) => data && notice(data as Answer);
  return stream.iterate(params as RequestParams, { message }) as AsyncIterableIterator<ExecutionResult>;
}

// fetcher is what GraphiQL sends by. onMutation is called after a mutation.
export const fetcher =
  (onMutation: () => void): Fetcher =>
  async (params, options) => {
    // For a moment after a tab is changed, GraphiQL still names the operation of the last.
    const operations = operationsOf(params.query);
    const chosen = operations.length === 1 ? operations[0] : operations.find((o) => o.name?.value === params.operationName);
    const request = { ...params, operationName: chosen?.name?.value };
    if (chosen?.operation === 'subscription') return follow(request, options?.headers);
    const answer = await ask(request, options?.headers);
    if (chosen?.operation === 'mutation') onMutation();
    return answer as ExecutionResult;
  };

function operationsOf(query: string): OperationDefinitionNode[] {
  try {
    return parse(query).definitions.filter((definition) => definition.kind === Kind.OPERATION_DEFINITION);
  } catch {
    return []; // the server says what is wrong with it
  }
}

// forget drops the token where the server cannot be told.
export const forget = () => change(null);

// putOff is for who does not want to confirm anything now.
export const putOff = () => askFor(null);

// latestCode is the code that was sent last, to an address or to anybody. Only a sandbox
// shows what it has sent.
export async function latestCode(to = ''): Promise<string | undefined> {
  const response = await fetch(`/sandbox/outbox?${new URLSearchParams({ to })}`);
  const { notices } = await response.json();
  return notices.find((notice: { code?: string }) => notice.code)?.code;
}
