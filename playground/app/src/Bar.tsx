import { useState, type FormEvent } from 'react';
import type { Entry } from './entries';
import { ask, forget, useSession } from './session';
import { StepUp } from './StepUp';
import { useBench } from './Workbench';

export const eastern = (instant: string) =>
  new Date(instant).toLocaleString('en-US', {
    timeZone: 'America/New_York', weekday: 'short', month: 'short', day: 'numeric', hour: 'numeric', minute: '2-digit',
  });

// demoOf is the log-in of the sandbox's demo customer.
export const demoOf = (entries: Entry[]) =>
  entries.find((entry) => entry.name === 'LogIn')!.examples[0]!.variables!.input as { username: string; password: string };

// secondFactor tells the six digits of an authenticator app from a recovery code.
export const secondFactor = (code: string) => (/^\d{6}$/.test(code.trim()) ? { totp: code.trim() } : { recoveryCode: code.trim() });

// Bar is the head of the page: whose session it is, and what time it is at the lender.
export function Bar() {
  const session = useSession();
  const { moment } = useBench();
  return (
    <header>
      <div className="bar">
        <h1>mobilepay <span>playground</span></h1>
        <p className="moment" role="status">
          {moment
            ? <>It is {eastern(moment.now)} Eastern. The next cut-off is {eastern(moment.at)}.</>
            : 'Log in, and the examples are filled in with ids and dates.'}
        </p>
        {session ? <LoggedIn /> : <LogIn />}
      </div>
      {session && <StepUp />}
    </header>
  );
}

function LoggedIn() {
  const session = useSession()!;
  const { entries } = useBench();
  const logOut = async () => {
    const query = entries.find((entry) => entry.name === 'LogOut')!.query;
    await ask({ query, operationName: 'LogOut' }).catch(() => {}); // the server is gone, and the token with it or soon after
    forget();
  };
  return (
    <div className="session">
      <p>
        <strong>{session.name}</strong>
        <small>until {eastern(session.expiresAt)}, or 15 minutes without a request</small>
      </p>
      <button type="button" onClick={logOut}>Log out</button>
    </div>
  );
}

function LogIn() {
  const { entries } = useBench();
  const entry = entries.find((entry) => entry.name === 'LogIn')!;
  const demo = demoOf(entries);
  const [second, setSecond] = useState(false); // whether a second factor is asked for
  const [problem, setProblem] = useState('');
  const [busy, setBusy] = useState(false);

  async function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    setBusy(true);
    setProblem('');
    try {
      const code = form.get('secondFactor');
      const input = {
        ...demo, username: form.get('username'), password: form.get('password'), ...(code && { secondFactor: secondFactor(String(code)) }),
      };
      const { data, errors } = await ask({ query: entry.query, operationName: 'LogIn', variables: { input } });
      const refusals = data?.logIn?.userErrors ?? errors ?? [];
      if (!data?.logIn?.session) setProblem(refusals[0]?.message ?? 'The server did not answer as expected.');
      if (refusals[0]?.code === 'SECOND_FACTOR_REQUIRED') setSecond(true);
    } catch {
      setProblem('The server cannot be reached.');
    } finally {
      setBusy(false);
    }
  }

  return (
    <form className="session" aria-label="Log in" onSubmit={submit}>
      {problem && <p role="alert">{problem}</p>}
      <input name="username" aria-label="Username" placeholder="Username" autoComplete="username" autoCapitalize="none" spellCheck={false} defaultValue={demo.username} required />
      <input name="password" aria-label="Password" placeholder="Password" type="password" autoComplete="current-password" defaultValue={demo.password} required />
      {second && <input name="secondFactor" aria-label="Authenticator or recovery code" placeholder="Code" autoComplete="one-time-code" autoFocus required />}
      <button disabled={busy}>Log in</button>
    </form>
  );
}
