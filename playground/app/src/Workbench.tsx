import { createContext, use, useEffect, useReducer, useRef, useState, type ReactNode, type RefObject } from 'react';
import { useEditorContext, useExecutionContext, usePluginStore } from '@graphiql/react';
import type { Entry, Example } from './entries';
import { fillIn, readFacts, type Facts, type Moment } from './facts';
import { useSession } from './session';

interface Bench {
  entries: Entry[];
  moment?: Moment;
  facts: Facts;
  shown?: Example; // what the tab in front was made of
  open(entry: Entry, example: Example): void;
}

const BenchContext = createContext<Bench | null>(null);

// wide is whether there is room for the list of operations beside the editors.
export const wide = matchMedia('(min-width: 60rem)').matches;

export const useBench = () => use(BenchContext)!;

// unfilled is a placeholder that could not be filled in yet.
const unfilled = /"\$\w+"/;

const variablesOf = (example: Example, facts: Facts) =>
  example.variables ? JSON.stringify(fillIn(example.variables, facts), null, 2) : '';

// comment wraps a text into lines of comment that a narrow editor shows whole.
const comment = (text = '') => text.replace(/(.{1,38})(?: |$)/g, '# $1\n');

export const newTab = (entry: Entry, example = entry.examples[0]!, facts: Facts = {}) => ({
  query: comment(entry.about) + comment(example.about) + entry.query,
  variables: variablesOf(example, facts),
});

// Workbench keeps the variables of the tabs filled in with what is in the books of whoever
// is logged in, as long as nobody has changed them by hand.
export function Workbench({ entries, refresh, children }: { entries: Entry[]; refresh: RefObject<() => void>; children: ReactNode }) {
  const session = useSession();
  const { setVisiblePlugin } = usePluginStore();
  const { stop } = useExecutionContext({ nonNull: true });
  const editor = useEditorContext({ nonNull: true });
  const latest = useRef(editor);
  latest.current = editor;
  const facts = useRef<Facts>({});
  const filled = useRef(new Map<string, { example: Example; text: string }>()); // by a tab's id
  const [moment, setMoment] = useState<Moment>();
  const [, redraw] = useReducer((n: number) => n + 1, 0);

  if (filled.current.size === 0) {
    editor.tabs.forEach((tab, i) => {
      const example = entries[i]?.examples[0];
      if (example) filled.current.set(tab.id, { example, text: tab.variables ?? '' });
    });
  }

  function fillTabs(frontToo: boolean) {
    const { tabs, activeTabIndex, variableEditor } = latest.current;
    tabs.forEach((tab, i) => {
      const front = i === activeTabIndex;
      const was = filled.current.get(tab.id);
      if (!was || (front && !frontToo && !unfilled.test(was.text)) || ((front && variableEditor?.getValue()) || (tab.variables ?? '')) !== was.text) return;
      const text = variablesOf(was.example, facts.current);
      filled.current.set(tab.id, { ...was, text });
      // GraphiQL has no way to write into a tab that is not in front.
      tab.variables = text;
      if (front) variableEditor?.setValue(text);
    });
  }

  async function read(frontToo: boolean) {
    const books = await readFacts(entries);
    facts.current = books.facts;
    setMoment(books.moment); // draws the page anew, facts included
    fillTabs(frontToo);
  }

  useEffect(() => {
    // The variables of the tab in front stay, once they are filled in: to run them once
    // more is the same request once more.
    refresh.current = () => void read(false).catch(() => {});
  });

  useEffect(() => {
    if (session) {
      read(true).catch(() => {});
      return;
    }
    facts.current = {};
    setMoment(undefined);
    fillTabs(true);
  }, [session?.name]); // a new token of the same session is no news

  function open(entry: Entry, example: Example) {
    const { tabs, activeTabIndex, moveTab, changeTab, queryEditor, variableEditor } = editor;
    const { query, variables } = newTab(entry, example, facts.current);
    let tab = tabs.find((tab) => tab.title === entry.name);
    if (tab) {
      Object.assign(tab, { query, variables });
    } else {
      const id = `playground-${crypto.randomUUID()}`;
      tab = { id, hash: id, title: entry.name, operationName: entry.name, query, variables, headers: null, response: null };
      moveTab([...tabs, tab]);
    }
    filled.current.set(tab.id, { example, text: variables });
    if (!wide) setVisiblePlugin(null);
    const index = tabs.includes(tab) ? tabs.indexOf(tab) : tabs.length;
    stop(); // as a click on a tab does: what is followed would be shown in this one
    if (index !== activeTabIndex) {
      changeTab(index);
      return;
    }
    queryEditor?.setValue(query);
    variableEditor?.setValue(variables);
    redraw();
  }

  useEffect(() => {
    document.querySelector('.graphiql-tab-active')?.scrollIntoView({ block: 'nearest', inline: 'nearest' });
  }, [editor.activeTabIndex]);

  const shown = filled.current.get(editor.tabs[editor.activeTabIndex]?.id ?? '')?.example;
  return <BenchContext value={{ entries, moment, facts: facts.current, shown, open }}>{children}</BenchContext>;
}
