// SPDX-License-Identifier: MIT
// Pictures of a page's states, to be looked at: each in both languages and colours, on a desktop and a phone.
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';

/** The folder that was named on the command line, made if need be. */
export async function folderFor(script) {
  const folder = process.argv[2];
  if (!folder) {
    console.error(`usage: OPENCAT=…/opencat node ${script} FOLDER`);
    process.exit(2);
  }
  await mkdir(folder, { recursive: true });
  return folder;
}

/** Every way a page can look: [{name, locale, dark, phone}]. */
export const looks = ['en-US', 'zh-CN'].flatMap((locale) =>
  [false, true].flatMap((dark) =>
    [false, true].map((phone) => ({
      name: [locale.slice(0, 2), dark ? 'dark' : 'light', phone ? 'phone' : 'desk'].join('-'),
      locale,
      dark,
      phone,
    })),
  ),
);

/** shot(state) takes the picture of what `page` shows once nothing on it moves any more. */
export function photographer(page, folder, name) {
  return async (state) => {
    await page.evaluate(async () => {
      const moving = document
        .getAnimations()
        .filter(({ effect }) => effect.getComputedTiming().iterations === 1);
      // One whose node goes is cancelled, which is an end, too.
      await Promise.allSettled(moving.map(({ finished }) => finished));
      await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
    });
    await page.screenshot({ path: join(folder, `${name}-${state}.png`) });
  };
}
