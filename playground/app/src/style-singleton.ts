// In place of the package react-style-singleton, with which an open dialog keeps the page
// behind it from scrolling: that one writes a <style> element, which the policy refuses. A
// style sheet made by script is allowed.
import { useLayoutEffect } from 'react';

export const styleSingleton = () =>
  function Style({ styles }: { styles: string }) {
    useLayoutEffect(() => {
      const sheet = new CSSStyleSheet();
      sheet.replaceSync(styles);
      document.adoptedStyleSheets.push(sheet);
      return () => {
        document.adoptedStyleSheets = document.adoptedStyleSheets.filter((other) => other !== sheet);
      };
    }, [styles]);
    return null;
  };
