import './trusted';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { App } from './App';
import { readEntries } from './entries';
import 'graphiql/style.css';
import './style.css';

const page = document.getElementById('page')!;

readEntries().then(
  (entries) => createRoot(page).render(<StrictMode><App entries={entries} /></StrictMode>),
  () => (page.textContent = 'The operations cannot be read. Is the server running?'),
);
