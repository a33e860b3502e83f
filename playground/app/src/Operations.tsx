import type { GraphiQLPlugin } from '@graphiql/react';
import type { Entry, Example } from './entries';
import { useBench } from './Workbench';

const spaced = (name: string) => name.replace(/(?<=[a-z])[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`).replace(/auto pay/i, 'Auto Pay').replace(/totp/, 'TOTP');

// Operations lists what the app ships, by group. A click brings the tab to the front.
function Operations() {
  const { entries } = useBench();
  const groups = Map.groupBy(entries, (entry) => entry.group);
  return (
    <nav className="operations" aria-label="Operations">
      <h2 className="operations-title">Operations</h2>
      {[...groups].map(([group, members]) => (
        <section key={group}>
          <h3>{group}</h3>
          <ul>
            {members.flatMap((entry) => entry.examples.map((example, i) => <Item key={`${entry.name} ${i}`} entry={entry} example={example} />))}
          </ul>
        </section>
      ))}
    </nav>
  );
}

function Item({ entry, example }: { entry: Entry; example: Example }) {
  const { open, shown } = useBench();
  return (
    <li>
      <button type="button" onClick={() => open(entry, example)} aria-current={shown === example || undefined}>
        <span className={`kind ${entry.type}`} title={entry.type}>{entry.type[0]?.toUpperCase()}</span>
        <span>
          {example.title ?? spaced(entry.name)}
          <small>{example.about ?? entry.about}</small>
        </span>
      </button>
    </li>
  );
}

function Icon() {
  return (
    <svg viewBox="0 0 24 24" fill="none" stroke="currentColor" strokeWidth="1.5" strokeLinecap="round">
      <path d="M4 6h.01M4 12h.01M4 18h.01M8.5 6H20M8.5 12H20M8.5 18H20" />
    </svg>
  );
}

export const OPERATIONS_PLUGIN: GraphiQLPlugin = { title: 'Operations', icon: Icon, content: Operations };
