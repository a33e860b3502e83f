import { useEffect, useState, type FormEvent } from 'react';
import { useExecutionContext } from '@graphiql/react';
import { demoOf, eastern, secondFactor } from './Bar';
import { ask, latestCode, putOff, useStepUp } from './session';
import { useBench } from './Workbench';

// StepUp is below the bar while something waits for the customer to confirm who they are,
// and until it was sent again.
export function StepUp() {
  const methods = useStepUp();
  const { run, isFetching } = useExecutionContext({ nonNull: true });
  const [confirmedUntil, setConfirmedUntil] = useState('');
  useEffect(() => {
    if (isFetching) setConfirmedUntil('');
  }, [isFetching]);
  if (methods) return <Confirm methods={methods} onConfirmed={setConfirmedUntil} />;
  return confirmedUntil && (
    <div className="step-up" role="status">
      <p>You are confirmed until {eastern(confirmedUntil)}. The session has a new token.</p>
      <button type="button" onClick={run}>Run again</button>
    </div>
  );
}

function Confirm({ methods, onConfirmed }: { methods: string[]; onConfirmed(until: string): void }) {
  const { entries, facts } = useBench();
  const [code, setCode] = useState('');
  const [told, setTold] = useState('');
  const [problem, setProblem] = useState('');
  const [busy, setBusy] = useState(false);
  const byApp = methods.includes('TOTP') || methods.includes('RECOVERY_CODE');
  const demo = demoOf(entries);

  // send sends an operation and is what it answers; null where that is a problem.
  async function send(name: string, variables = {}) {
    setBusy(true);
    setProblem('');
    try {
      const query = entries.find((entry) => entry.name === name)!.query;
      const { data, errors } = await ask({ query, operationName: name, variables });
      const payload = data && Object.values(data)[0];
      const refusal = payload?.userErrors?.[0] ?? errors?.[0];
      if (refusal) setProblem(refusal.message);
      return refusal ? null : payload;
    } catch {
      setProblem('The server cannot be reached.');
      return null;
    } finally {
      setBusy(false);
    }
  }

  async function request() {
    const sent = await send('RequestIdentityCode');
    if (!sent) return;
    setTold(sent.sentTo);
    setCode((await latestCode(facts.email || facts.phone).catch(() => '')) ?? '');
  }

  async function confirm(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const password = new FormData(event.currentTarget).get('password');
    const input = byApp ? secondFactor(code) : { passwordAndCode: { password, code: code.trim() } };
    const confirmed = await send('ConfirmIdentity', { input });
    if (confirmed) onConfirmed(confirmed.confirmedUntil);
  }

  return (
    <form className="step-up" aria-label="Confirm who you are" onSubmit={confirm}>
      <p>
        <strong>This needs a step-up: confirm who you are.</strong>{' '}
        {byApp
          ? 'Enter a code of the authenticator app, or a recovery code.'
          : told
            ? <>The code went to {told}. In the sandbox it stays in the <a href="/sandbox/outbox" target="_blank" rel="noreferrer">outbox</a>, where this page has read it.</>
            : 'It takes the password and a code that is sent to you.'}
      </p>
      {problem && <p role="alert">{problem}</p>}
      <div className="fields">
        {!byApp && <input
          name="password" aria-label="Password to confirm" placeholder="Password" type="password" autoComplete="current-password"
          defaultValue={facts.username === demo.username ? demo.password : ''} required
        />}
        <input
          name="code" aria-label="Code" placeholder="Code" autoComplete="one-time-code" autoCapitalize="none" spellCheck={false}
          value={code} onChange={(event) => setCode(event.target.value)} required
        />
        {!byApp && <button type="button" className="second" disabled={busy} onClick={request}>{told ? 'Send another code' : 'Send a code'}</button>}
        <button disabled={busy || !code}>Confirm</button>
        <button type="button" className="second" onClick={putOff}>Not now</button>
      </div>
    </form>
  );
}
