import { useRef, useState } from 'react';
import { GraphiQLInterface, GraphiQLProvider } from 'graphiql';
import { DOC_EXPLORER_PLUGIN, DocExplorerContextProvider } from '@graphiql/plugin-doc-explorer';
import { usePluginStore } from '@graphiql/react';
import { HISTORY_PLUGIN, HistoryContextProvider } from '@graphiql/plugin-history';
import { Bar } from './Bar';
import type { Entry } from './entries';
import { storage } from './memory';
import { OPERATIONS_PLUGIN } from './Operations';
import { fetcher } from './session';
import { newTab, wide, Workbench } from './Workbench';

const plugins = [OPERATIONS_PLUGIN, DOC_EXPLORER_PLUGIN, HISTORY_PLUGIN];

// App has a tab for each operation that the app ships.
export function App({ entries }: { entries: Entry[] }) {
  const refresh = useRef(() => {});
  const [{ fetch, tabs }] = useState(() => ({ fetch: fetcher(() => refresh.current()), tabs: entries.map((entry) => newTab(entry)) }));
  return (
    <GraphiQLProvider
      fetcher={fetch}
      storage={storage}
      shouldPersistHeaders={false}
      defaultTabs={tabs}
      // GraphiQL takes the first tab's query from the tabs, but not its variables.
      variables={tabs[0]?.variables ?? ''}
      plugins={plugins}
      referencePlugin={DOC_EXPLORER_PLUGIN}
      visiblePlugin={wide ? OPERATIONS_PLUGIN : undefined}
    >
      <HistoryContextProvider>
        <DocExplorerContextProvider>
          <Workbench entries={entries} refresh={refresh}>
            <Bar />
            <Interface />
          </Workbench>
        </DocExplorerContextProvider>
      </HistoryContextProvider>
    </GraphiQLProvider>
  );
}

// Interface waits for the plugins: GraphiQL hides the pane of one that comes later.
function Interface() {
  const ready = usePluginStore((store) => store.plugins.length > 0);
  return ready && <GraphiQLInterface showPersistHeadersSettings={false} defaultEditorToolsVisibility="variables" />;
}
