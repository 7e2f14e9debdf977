// SPDX-License-Identifier: MIT
// Takes a picture of the chat page in each of its states, in both languages and colours, on a desktop and a phone, to be
// looked at: OPENCAT=…/opencat node shots.mjs FOLDER
import { folderFor, looks, photographer } from './pictures.mjs';
import { input, lastAnswer, newChat, notice, openSettings, send, settled } from './steps.mjs';
import { startTalk } from './talk.mjs';

const folder = await folderFor('shots.mjs');
const pixel = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
  'base64',
);
const texts = {
  'en-US': {
    questions: [
      'How do I sort a list in Python?',
      'Plan a weekend in Kyoto',
      'Polish this letter to my landlord',
    ],
    answer:
      '## Sorting\n\nUse **`sorted`** for a new list, and `list.sort` to change the one there is:\n\n```python\ndef by_age(people):\n    """The youngest first."""\n    return sorted(people, key=lambda one: one.age)  # stable\n\nprint(by_age([]) or "nobody", 42)\n```\n\n| method | returns | changes the list |\n|---|---|--:|\n| `sorted` | a new list | no |\n| `sort` | `None` | yes |\n\n- [x] stable\n- [ ] in parallel\n\nBoth take $O(n \\log n)$ steps, since\n\n$$\n\\log_2 n! = \\sum_{k=1}^{n} \\log_2 k \\approx n \\log_2 n\n$$\n\n> Timsort finds runs that are in order already. See [the docs](https://docs.python.org).',
    thought: 'The question is about sorting. Two ways: in place, or a new list.',
  },
  'zh-CN': {
    questions: ['怎么用 Python 给列表排序？', '帮我安排京都的周末', '把这封信改得客气一点'],
    answer:
      '## 排序\n\n**注意：**请先想好要不要改动原来的列表。`sorted` 返回新列表，`list.sort` 原地修改：\n\n```python\ndef by_age(people):\n    """年轻的在前。"""\n    return sorted(people, key=lambda one: one.age)  # 稳定排序\n\nprint(by_age([]) or "没有人", 42)\n```\n\n| 方法 | 返回值 | 是否改动列表 |\n|---|---|--:|\n| `sorted` | 新列表 | 否 |\n| `sort` | `None` | 是 |\n\n- [x] 稳定\n- [ ] 并行\n\n两者都需要 $O(n \\log n)$ 步，因为\n\n$$\n\\log_2 n! = \\sum_{k=1}^{n} \\log_2 k \\approx n \\log_2 n\n$$\n\n> Timsort 会利用已经有序的片段，详见[文档](https://docs.python.org)。',
    thought: '问题是排序，有两种做法：原地修改，或者返回新列表。',
  },
};

const talk = await startTalk({ models: ['fake-model', 'a-larger-model'] });
const cleanups = [];
const t = { after: (run) => cleanups.push(run) };
for (const look of looks) await shoot(look);
for (const run of cleanups) await run();
await talk.stop();

async function shoot(look) {
  const { locale, phone, name } = look;
  const page = await talk.open(t, look);
  const shot = photographer(page, folder, name);
  const { questions, answer, thought } = texts[locale];
  await shot('1-empty');
  for (const text of questions.slice(1)) {
    await talk.exchange(page, text, answer);
    await newChat(page);
  }
  await page.locator('#chooser').setInputFiles([
    { name: 'notes.md', mimeType: '', buffer: Buffer.from('# notes') },
    { name: 'cat.png', mimeType: 'image/png', buffer: pixel },
  ]);
  await page.locator('#tray li').nth(1).waitFor();
  await input(page).fill(questions[0]);
  await shot('2-files');
  await send(page, questions[0]);
  const model = await talk.upstream.next();
  await page.locator('.waiting').waitFor();
  await shot('3-waiting');
  model.think(thought);
  await page.locator('.reasoning').waitFor();
  await shot('4-thinking');
  model.say(answer.slice(0, 260));
  await page.locator('figure code').waitFor();
  await shot('5-streaming');
  model.say(answer.slice(260));
  model.done();
  await settled(page);
  await page.locator('math').nth(1).waitFor();
  await page.locator('.hl-keyword').first().waitFor();
  await shot('6-answer-end');
  await page.locator('#scroller').evaluate((scroller) => (scroller.scrollTop = 0));
  await shot('7-answer-top');
  await lastAnswer(page).locator('.again').click();
  const other = await talk.upstream.next();
  other.say(answer.slice(0, 90));
  await page.locator('#send.busy').waitFor();
  other.breakOff();
  await settled(page);
  await shot('8-broken-branch');
  await page.locator('.question').last().hover();
  await page.locator('.question .edit').last().click();
  await shot('9-editing');
  await page.keyboard.press('Escape');
  await page.route('**/v1/chat/completions', (route) =>
    route.fulfill({
      status: 429,
      headers: { 'Retry-After': '18' },
      json: { error: { code: 'RATE_LIMITED', message: 'x' } },
    }),
  );
  await send(page, questions[1]);
  await notice(page).waitFor();
  await shot('a-notice');
  await page.locator('#tune').click();
  await shot('b-conversation-settings');
  await page.keyboard.press('Escape');
  await page.keyboard.press('Control+k');
  await page.keyboard.type('sort');
  await page.locator('.snippet').first().waitFor();
  await shot('c-search');
  if (phone) await page.locator('#side-close').click();
  await openSettings(page);
  await shot('d-settings');
  await page.locator('#sign-out').click();
  await shot('e-sign-out');
  await page.locator('#ask-yes').click();
  await page.locator('#sign-in').waitFor();
  await shot('f-sign-in');
}
