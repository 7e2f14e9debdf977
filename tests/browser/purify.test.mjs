// SPDX-License-Identifier: MIT
// The last wall: the page is given a highlighter and a formula library that turned evil, in the real parts that call
// them, and shows nothing of what they make but the words.
// Run: OPENCAT=…/opencat node --test purify.test.mjs
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { lastAnswer, ready, says } from './steps.mjs';
import { startTalk } from './talk.mjs';

const ofWeb = createRequire(new URL('../../web/package.json', import.meta.url));
const web = dirname(ofWeb.resolve('./package.json'));
const { build } = ofWeb('esbuild');

let talk;
before(async () => {
  talk = await startTalk();
});
after(() => talk?.stop());

/**
 * What either library hands back here: a tree of everything that has no business in an answer, around `words`. No text
 * but these, so that no check of the text stands in for the wall.
 */
const evil = `
  export function tree(words) {
    const xhtml = 'http://www.w3.org/1999/xhtml', svg = 'http://www.w3.org/2000/svg', math = 'http://www.w3.org/1998/Math/MathML';
    const make = (space, name, attributes = {}, ...children) => {
      const node = document.createElementNS(space, name);
      for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
      node.append(...children);
      return node;
    };
    const root = document.createDocumentFragment();
    root.append(
      make(xhtml, 'span', { onclick: 'ran()', onmouseover: 'ran()', class: 'fine' }, words),
      make(xhtml, 'script', { src: 'data:text/javascript,ran()' }),
      make(xhtml, 'a', { href: 'javascript:ran()', id: 'chat' }),
      make(xhtml, 'a', { href: 'https://evil.invalid/' }),
      make(xhtml, 'img', { onerror: 'ran()', src: 'data:,' }),
      make(xhtml, 'form', { action: 'https://evil.invalid/' }, make(xhtml, 'input', { name: 'token' }), make(xhtml, 'button')),
      make(xhtml, 'style'),
      make(xhtml, 'iframe', { srcdoc: '<script>parent.ran()</script>' }),
      make(xhtml, 'object', {}),
      make(xhtml, 'base', { href: 'https://evil.invalid/' }),
      make(xhtml, 'link', { href: 'https://evil.invalid/' }),
      make(xhtml, 'video', { poster: 'https://evil.invalid/' }),
      make(svg, 'svg', { onload: 'ran()' }, make(svg, 'use', { href: '#chat' }), make(svg, 'script')),
      make(math, 'math', { href: 'javascript:ran()', 'xlink:href': 'javascript:ran()' },
        make(math, 'mrow', { href: 'javascript:ran()', onclick: 'ran()' }),
        make(math, 'maction', { actiontype: 'statusline' })),
    );
    return root;
  }`;
const libraries = {
  'highlight.js/lib/core': `import { tree } from 'evil';
    const emitterOf = (text) => ({ root: tree(text) });
    export default { registerLanguage() {}, configure() {}, getLanguage: () => ({}),
      highlight: (text) => ({ _emitter: emitterOf(text) }) };`,
  temml: `import { tree } from 'evil';
    export default { render: (source, box) => box.append(tree(source)) };`,
  evil,
};

/** The script of a part of the page, as build.mjs makes it, but with the evil libraries. */
async function partOf(name) {
  const wanted = /^(highlight\.js\/lib\/core|temml|evil)$/;
  const { outputFiles } = await build({
    entryPoints: [join(web, 'chat/rich', `${name}.js`)],
    bundle: true,
    format: 'esm',
    write: false,
    logLevel: 'warning',
    plugins: [
      {
        name: 'evil-libraries',
        setup({ onResolve, onLoad }) {
          onResolve({ filter: wanted }, ({ path }) => ({ path, namespace: 'evil' }));
          onLoad({ filter: /.*/, namespace: 'evil' }, ({ path }) => ({ contents: libraries[path] }));
        },
      },
    ],
  });
  return outputFiles[0].text;
}

/** The page asks for the part `name`, and gets the evil one; resolves to how often that was. */
async function replacePart(page, name) {
  const body = await partOf(name);
  const asked = { times: 0 };
  await page.route(`**/assets/part-${name}-*.js`, (route) => {
    asked.times += 1;
    return route.fulfill({ contentType: 'text/javascript; charset=utf-8', body });
  });
  return asked;
}

/** Opens the page without its content security policy, so that the wall stands alone. */
async function withoutPolicy(page) {
  await page.route('**/chat', async (route) => {
    const response = await route.fetch();
    const headers = response.headers();
    assert.ok(headers['content-security-policy']);
    delete headers['content-security-policy'];
    await route.fulfill({ response, headers });
  });
  await page.reload();
  await ready(page);
}

/** Elements and attributes below `place` that no code and no formula has. */
const foreign = (place) =>
  place.evaluate((root) =>
    [...root.querySelectorAll('*')].flatMap((node) => {
      const names = [...node.attributes].map(({ name }) => name);
      const known = /^(span|math|mrow)$/.test(node.localName);
      const bad = names.filter((name) => /^on|href|src|action|poster|srcdoc/.test(name));
      return known && bad.length === 0 ? [] : [`${node.localName} ${bad}`.trim()];
    }),
  );

for (const [name, answer, where] of [
  ['highlight', '```js\nlet words = 1;\n```', 'figure.code code'],
  ['math', 'It is $words$ here', '.math'],
]) {
  test(`what a compromised library makes of ${name === 'math' ? 'a formula' : 'code'} comes into the page without what runs or leads away`, async (t) => {
    // A service worker would have the good part.
    const page = await talk.open(t, { worker: false });
    const asked = await replacePart(page, name);
    await withoutPolicy(page);
    await page.evaluate(() => (window.ran = () => (window.didRun = true)));
    await talk.exchange(page, 'show', answer);
    const place = lastAnswer(page).locator(where);
    // The library's own span has come: what follows looks at its work and not at plain text.
    await place.locator('.fine').waitFor();
    assert.equal(asked.times, 1);
    await says(place, 'words');
    assert.deepEqual(await foreign(place), []);
    await place.locator('.fine').click();
    assert.equal(await page.evaluate(() => window.didRun ?? false), false);
    assert.deepEqual(page.trouble, []);
  });
}
