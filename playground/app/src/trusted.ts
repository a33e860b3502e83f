// The policy of the page lets no string become markup unless it passes here. GraphiQL
// makes markup of the schema's descriptions, and nothing else does: what comes out can
// hold neither script nor style.
import DOMPurify from 'dompurify';

declare global {
  interface Window {
    trustedTypes?: { createPolicy(name: string, rules: { createHTML(markup: string): string }): unknown };
  }
}

window.trustedTypes?.createPolicy('default', {
  createHTML: (markup) => DOMPurify.sanitize(markup, { FORBID_TAGS: ['style'], FORBID_ATTR: ['style'] }),
});
