// SPDX-License-Identifier: MIT
// One conversation's dialog: its name, what it is asked with, and taking it out or away.
import { byId } from '../common/dom.js';

/**
 * open(id, {title, pinned, model, system, temperature}) with id null for a conversation that is not there yet.
 * Calls onSave(id, values), onExport(id, 'md' or 'json') and onDelete(id).
 */
export function createManager({ onSave, onExport, onDelete }) {
  const dialog = byId('manage');
  const name = byId('manage-name');
  const pinned = byId('manage-pinned');
  const system = byId('manage-system');
  const temperature = byId('manage-temperature');
  const ownTemperature = byId('manage-own-temperature');
  const shown = byId('manage-temperature-shown');
  let id = null;
  let before = {};

  function showTemperature() {
    temperature.disabled = !ownTemperature.checked;
    shown.textContent = ownTemperature.checked ? Number(temperature.value).toFixed(1) : '';
  }
  temperature.addEventListener('input', showTemperature);
  ownTemperature.addEventListener('change', showTemperature);

  function values() {
    const title = name.value.replace(/\s+/g, ' ').trim();
    const asked = {
      system: system.value.trim() ? system.value : undefined,
      temperature: ownTemperature.checked ? Number(temperature.value) : undefined,
    };
    if (!id) return asked;
    const renamed = title && title !== before.title ? { title, named: true } : {};
    return { ...asked, ...renamed, pinned: pinned.checked };
  }

  const save = () => onSave(id, values());
  byId('manage-form').addEventListener('submit', (event) => {
    event.preventDefault();
    dialog.close();
    save();
  });
  byId('manage-cancel').addEventListener('click', () => dialog.close());
  for (const kind of ['md', 'json'])
    byId(`manage-${kind}`).addEventListener('click', () => onExport(id, kind));
  byId('manage-delete').addEventListener('click', () => {
    dialog.close();
    onDelete(id);
  });

  return {
    open(which, settings) {
      id = which;
      before = settings;
      for (const part of dialog.querySelectorAll('.for-existing')) part.hidden = !id;
      name.value = settings.title ?? '';
      pinned.checked = settings.pinned ?? false;
      system.value = settings.system ?? '';
      ownTemperature.checked = settings.temperature !== undefined;
      temperature.value = settings.temperature ?? 1;
      showTemperature();
      dialog.showModal();
    },
  };
}
