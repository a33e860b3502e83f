// What GraphiQL would keep in the browser is kept in memory, because tabs and their
// variables can hold passwords, tokens and account numbers. The theme may stay.
const memory = new Map<string, string>();
const stays = (key: string) => key === 'graphiql:theme';

export const storage = {
  get length() {
    return memory.size;
  },
  getItem: (key: string) => (stays(key) ? localStorage.getItem(key) : (memory.get(key) ?? null)),
  setItem: (key: string, value: string) => void (stays(key) ? localStorage.setItem(key, value) : memory.set(key, value)),
  removeItem: (key: string) => void (stays(key) ? localStorage.removeItem(key) : memory.delete(key)),
  clear: () => {
    localStorage.removeItem('graphiql:theme');
    memory.clear();
  },
};
