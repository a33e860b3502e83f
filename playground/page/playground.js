// The page of the playground. The session's token is kept in this variable and
// nowhere else: a reload logs out.
let token = '';

const $ = (id) => document.getElementById(id);

// element makes a DOM element; text is never read as markup.
function element(name, properties, ...children) {
  const e = Object.assign(document.createElement(name), properties);
  e.append(...children);
  return e;
}

// send runs an operation and returns what came back, with status and time.
async function send(query, variables) {
  const headers = { 'Content-Type': 'application/json' };
  if (token) headers.Authorization = `Bearer ${token}`;
  const start = performance.now();
  const response = await fetch('/graphql', { method: 'POST', headers, body: JSON.stringify({ query, variables }) });
  const text = await response.text();
  const answer = { status: response.status, milliseconds: performance.now() - start, size: text.length, text };
  try {
    answer.json = JSON.parse(text);
  } catch {
    answer.json = {};
  }
  if (token && (answer.json.errors ?? []).some((e) => e.extensions?.code === 'UNAUTHENTICATED')) forget();
  return answer;
}

// --- the session

const logIn = `mutation ($username: String!, $password: String!) {
  logIn(input: {username: $username, password: $password, deviceName: "playground"}) {
    session { token }
    viewer { firstName lastName }
    userErrors { message }
  }
}`;

$('log-in').addEventListener('submit', async (event) => {
  event.preventDefault();
  const button = $('log-in').querySelector('button');
  button.disabled = true;
  $('log-in-error').textContent = '';
  try {
    const { json } = await send(logIn, { username: $('username').value, password: $('password').value });
    const { session, viewer, userErrors } = json.data?.logIn ?? { userErrors: json.errors ?? [] };
    if (!session) {
      $('log-in-error').textContent = userErrors[0]?.message ?? 'The server did not answer as expected.';
      return;
    }
    token = session.token;
    $('who').textContent = `${viewer.firstName} ${viewer.lastName}`;
    $('log-in').hidden = true;
    $('session').hidden = false;
    $('log-out').focus();
    await look();
    if (operation && $('variables').value === filled) fill();
  } catch {
    $('log-in-error').textContent = 'The server cannot be reached.';
  } finally {
    button.disabled = false;
  }
});

$('log-out').addEventListener('click', async () => {
  try {
    await send('mutation { logOut { loggedOut } }');
  } catch {
    // The server is gone, and the token with it or soon after.
  }
  forget();
  $('username').focus();
});

function forget() {
  token = '';
  facts = {};
  $('log-in').hidden = false;
  $('session').hidden = true;
  $('clock').textContent = '';
}

// --- what the variables are filled in with

const factsQuery = `{
  viewer {
    email phone
    vehicles { id paperlessSince contract { __typename } autoPay { id } }
    paymentAccounts { id isDefault }
    pendingPayments(first: 100) { edges { node { id canCancel } } }
    statements(first: 1) { edges { node { id } } }
  }
  nextCutoff { now today at scheduledOn }
}`;

// facts is by placeholder: "$loan" in operations.json becomes facts.loan.
let facts = {};

// look reads the viewer's ids and the time. Variables that are on the page stay as
// they are: running them once more is the same request once more.
async function look() {
  const { data } = (await send(factsQuery)).json;
  if (!data) return;
  const { viewer: { vehicles, paymentAccounts, ...viewer }, nextCutoff } = data;
  const payments = viewer.pendingPayments.edges.map((edge) => edge.node);
  const first = (list, wanted) => (list.find(wanted) ?? list[0])?.id;
  facts = {
    loan: first(vehicles, (v) => v.contract.__typename === 'Loan'),
    withoutAutoPay: first(vehicles, (v) => !v.autoPay),
    onPaper: first(vehicles, (v) => !v.paperlessSince),
    paperless: first(vehicles, (v) => v.paperlessSince),
    autoPay: vehicles.find((v) => v.autoPay)?.autoPay.id,
    account: first(paymentAccounts, (a) => a.isDefault),
    otherAccount: first(paymentAccounts.toReversed(), (a) => !a.isDefault), // the newest
    pending: first(payments, (p) => p.canCancel),
    statement: viewer.statements.edges[0]?.node.id,
    email: viewer.email,
    phone: viewer.phone,
    today: nextCutoff.today,
    earliest: nextCutoff.scheduledOn,
    inAWeek: addDays(nextCutoff.today, 7),
    inTwoWeeks: addDays(nextCutoff.today, 14),
  };
  $('clock').textContent = `It is ${eastern(nextCutoff.now)} Eastern. The next cut-off is ${eastern(nextCutoff.at)}.`;
}

function addDays(date, days) {
  const day = new Date(`${date}T00:00:00Z`);
  day.setUTCDate(day.getUTCDate() + days);
  return day.toISOString().slice(0, 10);
}

function eastern(instant) {
  return new Date(instant).toLocaleString('en-US', {
    timeZone: 'America/New_York', weekday: 'short', month: 'short', day: 'numeric', hour: 'numeric', minute: '2-digit',
  });
}

function randomDigits(n) {
  return Array.from(crypto.getRandomValues(new Uint8Array(n)), (byte) => byte % 10).join('');
}

// substitute puts facts in the place of placeholders. A new key and a new account
// number are made each time an operation is chosen.
function substitute(value) {
  if (typeof value === 'string' && value.startsWith('$')) {
    if (value === '$key') return `playground-${randomDigits(20)}`;
    if (value === '$accountNumber') return randomDigits(10);
    return facts[value.slice(1)] ?? value;
  }
  if (Array.isArray(value)) return value.map(substitute);
  if (value && typeof value === 'object') {
    return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, substitute(member)]));
  }
  return value;
}

// --- the operations

let operation; // the one that was chosen
let filled = ''; // its variables as they were filled in

function fill() {
  filled = JSON.stringify(substitute(operation.variables ?? {}), null, 2);
  $('variables').value = filled;
}

function choose(chosen, button) {
  operation = chosen;
  document.querySelector('nav [aria-current]')?.removeAttribute('aria-current');
  button.setAttribute('aria-current', 'true');
  $('name').textContent = chosen.name;
  $('about').textContent = chosen.about ?? '';
  $('query').value = chosen.query.join('\n');
  $('query').setSelectionRange(0, 0);
  fill();
  if (matchMedia('(max-width: 40rem)').matches) $('operation').scrollIntoView();
}

function list(groups) {
  for (const { group, operations } of groups) {
    const items = operations.map((o) => {
      const button = element('button', { type: 'button', textContent: o.name });
      button.addEventListener('click', () => choose(o, button));
      return element('li', {}, button);
    });
    $('operations').append(element('h3', { textContent: group }), element('ul', {}, ...items));
  }
  choose(groups[0].operations[0], document.querySelector('nav button'));
}

// --- running

async function run() {
  let variables;
  try {
    variables = JSON.parse($('variables').value.trim() || '{}');
  } catch (error) {
    tell('bad', `The variables are not JSON: ${error.message}`);
    $('variables').focus();
    return;
  }
  const missing = $('variables').value.match(/"\$(\w+)"/)?.[1];
  if (missing) {
    tell('bad', token ? `This customer has nothing for ${missing}.` : 'Log in first: ids and dates are filled in then.');
    return;
  }
  $('run').disabled = true;
  try {
    const query = $('query').value;
    const answer = await send(query, variables);
    $('response').textContent = answer.json.data !== undefined || answer.json.errors ? JSON.stringify(answer.json, null, 2) : answer.text;
    tell(...outcome(answer));
    if (answer.json.data?.logOut?.loggedOut) forget();
    else if (token && /^\s*mutation\b/m.test(query)) await look();
  } catch {
    tell('bad', 'The server cannot be reached.');
  } finally {
    $('run').disabled = false;
  }
}

// outcome is the line over an answer: status, time, and whether it was refused.
function outcome({ status, milliseconds, size, json }) {
  const facts = `${status}, ${milliseconds.toFixed(0)} ms, ${size} bytes`;
  if (json.errors) return ['bad', `${facts}: ${json.errors.map((e) => e.extensions?.code ?? e.message).join(', ')}`];
  const refusals = Object.values(json.data ?? {}).flatMap((field) => field?.userErrors ?? []);
  if (refusals.length) return ['bad', `${facts}: refused, ${refusals.map((r) => r.code ?? r.message).join(', ')}`];
  return [status === 200 ? 'good' : 'bad', facts];
}

function tell(tone, text) {
  $('status').className = tone;
  $('status').textContent = text;
}

$('run').addEventListener('click', run);
document.addEventListener('keydown', (event) => {
  if (event.key === 'Enter' && (event.ctrlKey || event.metaKey) && !$('run').disabled) {
    event.preventDefault();
    run();
  }
});

// --- the schema's documentation

const introspection = `{
  __schema {
    types {
      name kind description
      fields { name description args { name description type { ...T } } type { ...T } }
      inputFields { name description type { ...T } }
      enumValues { name description }
      possibleTypes { name }
    }
  }
}
fragment T on __Type { kind name ofType { kind name ofType { kind name ofType { kind name } } } }`;

let types; // by name

$('docs').addEventListener('toggle', async () => {
  if (!$('docs').open || types) return;
  try {
    const { data } = (await send(introspection)).json;
    types = new Map(data.__schema.types.map((type) => [type.name, type]));
    show('Query');
  } catch {
    $('types').replaceChildren('The schema cannot be read.');
  }
});

$('query-type').addEventListener('click', () => show('Query'));
$('mutation-type').addEventListener('click', () => show('Mutation'));
$('search').addEventListener('input', () => {
  const wanted = $('search').value.trim().toLowerCase();
  if (!types || !wanted) return;
  const found = [...types.values()].filter(({ name, ...type }) => !name.startsWith('__') &&
    [name, ...[...members(type)].map((m) => m.name)].some((n) => n.toLowerCase().includes(wanted)));
  $('types').replaceChildren(...found.flatMap(({ name }) => [typeButton(name), ' ']));
});

function members(type) {
  return [...(type.fields ?? []), ...(type.inputFields ?? []), ...(type.enumValues ?? [])];
}

function show(name) {
  const type = types?.get(name);
  if (!type) return;
  const entries = members(type).flatMap((m) => {
    const title = element('dt', {}, element('code', {}, m.name, ...args(m), ...(m.type ? [': ', ...typeLink(m.type)] : [])));
    return m.description ? [title, element('dd', { textContent: flow(m.description) })] : [title];
  });
  const parts = [
    element('h2', {}, name, element('span', { className: 'quiet', textContent: ` ${type.kind.toLowerCase().replace('_', ' ')}` })),
    element('p', { textContent: flow(type.description ?? '') }),
    element('dl', {}, ...entries),
  ];
  if (type.possibleTypes?.length) {
    parts.push(element('p', {}, 'One of: ', ...type.possibleTypes.flatMap((t) => [typeButton(t.name), ' '])));
  }
  $('types').replaceChildren(...parts);
}

// flow joins the lines of a paragraph.
function flow(description) {
  return description.replace(/([^\n])\n(?!\n)/g, '$1 ');
}

function args(field) {
  if (!field.args?.length) return [];
  return ['(', ...field.args.flatMap((a, i) => [i ? ', ' : '', `${a.name}: `, ...typeLink(a.type)]), ')'];
}

function typeLink(type) {
  if (type.kind === 'NON_NULL') return [...typeLink(type.ofType), '!'];
  if (type.kind === 'LIST') return ['[', ...typeLink(type.ofType), ']'];
  return [typeButton(type.name)];
}

function typeButton(name) {
  const button = element('button', { type: 'button', textContent: name });
  button.addEventListener('click', () => show(name));
  return button;
}

// --- the start

try {
  list(await (await fetch('/playground/operations.json')).json());
} catch {
  tell('bad', 'The operations cannot be read.');
}
