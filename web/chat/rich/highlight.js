// SPDX-License-Identifier: MIT
// Colours for code, by highlight.js. A part of its own, loaded when the first code block is whole. It imports
// nothing that the page's first script has: what two share would become one file more to wait for.
import hljs from 'highlight.js/lib/core';
import bash from 'highlight.js/lib/languages/bash';
import c from 'highlight.js/lib/languages/c';
import cpp from 'highlight.js/lib/languages/cpp';
import csharp from 'highlight.js/lib/languages/csharp';
import css from 'highlight.js/lib/languages/css';
import diff from 'highlight.js/lib/languages/diff';
import dockerfile from 'highlight.js/lib/languages/dockerfile';
import go from 'highlight.js/lib/languages/go';
import ini from 'highlight.js/lib/languages/ini';
import java from 'highlight.js/lib/languages/java';
import javascript from 'highlight.js/lib/languages/javascript';
import json from 'highlight.js/lib/languages/json';
import kotlin from 'highlight.js/lib/languages/kotlin';
import lua from 'highlight.js/lib/languages/lua';
import makefile from 'highlight.js/lib/languages/makefile';
import markdown from 'highlight.js/lib/languages/markdown';
import php from 'highlight.js/lib/languages/php';
import powershell from 'highlight.js/lib/languages/powershell';
import python from 'highlight.js/lib/languages/python';
import r from 'highlight.js/lib/languages/r';
import ruby from 'highlight.js/lib/languages/ruby';
import rust from 'highlight.js/lib/languages/rust';
import sql from 'highlight.js/lib/languages/sql';
import swift from 'highlight.js/lib/languages/swift';
import typescript from 'highlight.js/lib/languages/typescript';
import xml from 'highlight.js/lib/languages/xml';
import yaml from 'highlight.js/lib/languages/yaml';
import { purify } from './purify.js';

const languages = {
  bash, c, cpp, csharp, css, diff, dockerfile, go, ini, java, javascript, json, kotlin, lua, makefile, markdown, php,
  powershell, python, r, ruby, rust, sql, swift, typescript, xml, yaml,
}; // prettier-ignore

/** What highlight.js finds, as nodes at once: no HTML is made on the way. */
class NodeEmitter {
  constructor() {
    this.root = document.createDocumentFragment();
    this.open = [this.root];
  }
  addText(text) {
    if (text) this.open.at(-1).append(text);
  }
  startScope(scope) {
    const span = document.createElement('span');
    span.className = `hl-${scope.split('.')[0]}`;
    this.open.at(-1).append(span);
    this.open.push(span);
  }
  endScope() {
    if (this.open.length > 1) this.open.pop();
  }
  openNode(scope) {
    this.startScope(scope);
  }
  closeNode() {
    this.endScope();
  }
  __addSublanguage(emitter, name) {
    if (name) this.startScope('embedded');
    this.open.at(-1).append(emitter.root);
    if (name) this.endScope();
  }
  finalize() {}
  toHTML() {
    return '';
  }
}

for (const [name, language] of Object.entries(languages)) hljs.registerLanguage(name, language);
hljs.configure({ __emitter: NodeEmitter });

/** Puts the colours of `text` in `language` into `node`, which shows it already; an unknown language stays plain. */
export function highlight(node, text, language, policy) {
  if (!hljs.getLanguage(language)) return;
  const { _emitter: emitter } = hljs.highlight(text, { language, ignoreIllegals: true });
  const box = document.createElement('code');
  box.append(emitter.root);
  purify(box, policy);
  // Whatever went wrong on the way, the code itself is never another.
  if (box.textContent === text) node.replaceChildren(...box.childNodes);
}
