import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { defineConfig, type Plugin } from 'vite';

const page = join(import.meta.dirname, '../page');

// compress leaves each file as it is sent: the server has no need of the plain one.
const compress: Plugin = {
  name: 'compress',
  closeBundle() {
    for (const name of readdirSync(page)) {
      writeFileSync(join(page, `${name}.gz`), gzipSync(readFileSync(join(page, name)), { level: 9 }));
      rmSync(join(page, name));
    }
  },
};

// record says what the page was built from, so that a test without node finds a page
// that is older than its sources.
const record: Plugin = {
  name: 'record',
  closeBundle() {
    const sources = readdirSync(import.meta.dirname, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name).slice(import.meta.dirname.length + 1))
      .filter((path) => !path.startsWith('node_modules'))
      .sort();
    const sum = (path: string) => createHash('sha256').update(readFileSync(path)).digest('hex');
    writeFileSync(join(page, 'sources.txt'), sources.map((path) => `${sum(join(import.meta.dirname, path))}  ${path}\n`).join(''));
  },
};

export default defineConfig({
  base: '/playground/',
  resolve: { alias: { 'react-style-singleton': join(import.meta.dirname, 'src/style-singleton.ts') } },
  build: {
    outDir: page,
    emptyOutDir: true,
    target: 'es2024',
    cssCodeSplit: false,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 4096,
    license: { fileName: 'licenses.md' },
    rolldownOptions: {
      // "use client" is for servers that render; nothing is wrong with it here.
      onLog: (level, log, handle) => log.code !== 'MODULE_LEVEL_DIRECTIVE' && handle(level, log),
      // One file each, under a steady name: the server's ETag tells versions apart.
      output: { codeSplitting: false, entryFileNames: 'playground.js', assetFileNames: 'playground[extname]' },
    },
  },
  plugins: [compress, record],
});
