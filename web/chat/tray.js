// SPDX-License-Identifier: MIT
// The files that wait beside the field for the message to be sent: chosen, pasted or dropped.
import { byId, el } from '../common/dom.js';
import { mostFiles, readFile } from './attachments.js';
import { iconButton } from './icons.js';
import { fileNode } from './question.js';

/** onChange() when what is in it has changed, with onFiles(files) if those are others; onProblem(text) when a file cannot be taken. */
export function createTray({ t, onChange, onFiles, onProblem }) {
  const tray = byId('tray');
  const chooser = byId('chooser');
  const page = document.documentElement;
  let files = [];
  let reading = 0;

  function draw() {
    tray.hidden = files.length === 0;
    tray.replaceChildren(
      ...files.map((file) => {
        const press = () => {
          change(files.filter((other) => other !== file));
          byId('input').focus();
        };
        const remove = iconButton('remove', t('removeFile', { name: file.name }), press);
        return el('li', {}, fileNode(file, file), remove);
      }),
    );
    onChange();
  }

  function change(list) {
    files = list;
    draw();
    onFiles(files);
  }

  async function add(chosen) {
    reading += 1;
    onChange();
    const problems = new Map();
    for (const file of chosen) {
      try {
        if (files.length >= mostFiles) throw new Error('fileMany');
        const read = await readFile(file);
        if (files.length < mostFiles) files.push(read);
      } catch (error) {
        problems.set(error.message, file.name);
      }
    }
    reading -= 1;
    change(files);
    for (const [key, name] of problems) onProblem(t(key, { name, n: mostFiles }));
  }

  byId('attach').addEventListener('click', () => chooser.click());
  chooser.addEventListener('change', () => {
    add([...chooser.files]);
    chooser.value = ''; // the same file may be chosen again
    byId('input').focus();
  });
  byId('input').addEventListener('paste', (event) => {
    const pasted = [...event.clipboardData.files];
    // A spreadsheet's cells come as a picture, too: the text is what is meant.
    if (pasted.length === 0 || event.clipboardData.types.includes('text/plain')) return;
    event.preventDefault();
    add(pasted);
  });

  const hasFiles = (event) => !byId('chat').hidden && event.dataTransfer?.types.includes('Files');
  let depth = 0; // the drag enters an element before it leaves the one around
  const showDrop = (by) => page.classList.toggle('dropping', (depth = Math.max(0, depth + by)) > 0);
  addEventListener('dragenter', (event) => hasFiles(event) && showDrop(1));
  addEventListener('dragleave', (event) => hasFiles(event) && showDrop(-1));
  addEventListener('dragover', (event) => {
    // Everywhere on the page: a file dropped beside the field must not replace the page.
    event.preventDefault();
    if (!hasFiles(event)) event.dataTransfer.dropEffect = 'none';
  });
  addEventListener('drop', (event) => {
    event.preventDefault();
    depth = 0;
    showDrop(0);
    if (hasFiles(event)) add([...event.dataTransfer.files]);
  });

  return {
    get files() {
      return files;
    },
    set files(list) {
      if (list.length + files.length > 0) change(list);
    },
    get busy() {
      return reading > 0;
    },
    draw,
  };
}
