// The operations that the app ships, with examples, as the server hands them out.
export interface Example {
  title?: string;
  about?: string;
  variables?: Record<string, unknown>;
}

export interface Entry {
  group: string;
  name: string;
  type: string;
  about: string;
  query: string;
  examples: Example[];
}

export async function readEntries(): Promise<Entry[]> {
  const response = await fetch('/playground/tabs.json');
  if (!response.ok) throw new Error(`tabs.json: ${response.status}`);
  return response.json();
}
