// SPDX-License-Identifier: MIT
// What can be done with a message: ask again, edit, branches, continue, copy; and what makes answers rich.
// Run: OPENCAT=…/opencat node --test branches.test.mjs
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { input, lastAnswer, notice, question, says, send, settled } from './steps.mjs';
import { startTalk } from './talk.mjs';

let talk;
before(async () => {
  talk = await startTalk();
});
after(() => talk?.stop());

const focused = (page) => page.evaluate(() => document.activeElement.className || document.activeElement.id);

test('asking again keeps both answers, and the arrows lead between them', async (t) => {
  const page = await talk.open(t);
  await talk.exchange(page, 'a joke', 'first');
  await lastAnswer(page).getByRole('button', { name: 'Try again' }).click();
  const { body } = await talk.answer(page, 'second');
  assert.deepEqual(body.messages, [{ role: 'user', content: 'a joke' }]);
  await says(lastAnswer(page).locator('.branches'), '2/2');
  await talk.exchange(page, 'more', 'of the second');
  await page.getByRole('button', { name: 'The version before' }).click();
  await says(lastAnswer(page).locator('.branches'), '1/2');
  assert.deepEqual(await page.locator('.prose').allTextContents(), ['first']);
  assert.match(await focused(page), /\bbefore\b/, 'the focus stays on the arrow');
  const { body: after } = await talk.exchange(page, 'more?', 'of the first');
  assert.deepEqual(
    after.messages.map(({ content }) => content),
    ['a joke', 'first', 'more?'],
  );
  await page.reload();
  await says(page.locator('.prose').last(), 'of the first');
  assert.deepEqual(page.trouble, []);
});

test('editing a question makes a branch of it; ↑ in the empty field opens the last one', async (t) => {
  const page = await talk.open(t);
  await talk.exchange(page, 'one', 'answer one');
  await input(page).press('ArrowUp');
  const field = page.getByRole('textbox', { name: 'Edit the message' });
  assert.equal(await field.inputValue(), 'one');
  await field.press('Escape');
  assert.match(await focused(page), /\bedit\b/);
  await page.locator('.question .edit').click();
  await field.fill('uno');
  await field.press('Enter');
  const { body } = await talk.answer(page, 'answer uno');
  assert.deepEqual(body.messages, [{ role: 'user', content: 'uno' }]);
  await says(question(page).locator('.branches'), '2/2');
  assert.deepEqual(await question(page).locator('> p').allTextContents(), ['uno']);
  await question(page).getByRole('button', { name: 'The version before' }).click();
  assert.deepEqual(await page.locator('.prose').allTextContents(), ['answer one']);
});

test('an edited question that gets no answer is back in the field, and the one before is shown', async (t) => {
  const page = await talk.open(t);
  await talk.exchange(page, 'one', 'answer one');
  await page.locator('.question .edit').click();
  await page.getByRole('textbox', { name: 'Edit the message' }).fill('uno');
  await page.keyboard.press('Enter');
  (await talk.upstream.next()).fail(400, { message: 'no', code: 'x' });
  await says(notice(page), 'did not accept');
  assert.equal(await input(page).inputValue(), 'uno');
  assert.deepEqual(await page.locator('.prose').allTextContents(), ['answer one']);
});

test('asking again in vain leaves the answer that was there', async (t) => {
  const page = await talk.open(t);
  await talk.exchange(page, 'one', 'answer one');
  await lastAnswer(page).getByRole('button', { name: 'Try again' }).click();
  (await talk.upstream.next()).fail(400, { message: 'no', code: 'x' });
  await says(notice(page), 'did not accept');
  assert.deepEqual(await page.locator('.prose').allTextContents(), ['answer one']);
  assert.equal(await input(page).inputValue(), '');
});

test('an answer that broke off goes on where it did', async (t) => {
  const page = await talk.open(t);
  await send(page, 'count');
  const broken = await talk.upstream.next();
  broken.say('one, two');
  await says(lastAnswer(page), 'one, two');
  broken.breakOff();
  await says(lastAnswer(page).locator('.state'), 'not whole');
  await page.getByRole('button', { name: 'Continue' }).click();
  const { body } = await talk.answer(page, ', three');
  assert.deepEqual(body.messages.slice(0, 2), [
    { role: 'user', content: 'count' },
    { role: 'assistant', content: 'one, two' },
  ]);
  assert.match(body.messages[2].content, /^Your last answer broke off/);
  assert.equal(await lastAnswer(page).locator('.prose').textContent(), 'one, two, three');
  assert.equal(await lastAnswer(page).locator('.state').count(), 0);
  assert.equal(await question(page).count(), 1, 'what asked for it is not shown');
});

test('answers, questions and code are copied as they were written', async (t) => {
  const page = await talk.open(t);
  await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
  const copied = () => page.evaluate(() => navigator.clipboard.readText());
  const answer = '**bold**\n\n```js\nlet a = 1;\n```\n';
  await talk.exchange(page, 'my *words*', answer);
  await page.getByRole('button', { name: 'Copy the answer' }).click();
  await page.getByRole('button', { name: 'Copied' }).waitFor();
  assert.equal(await copied(), answer);
  await page.getByRole('button', { name: 'Copy the code' }).click();
  await page.waitForFunction(async () => (await navigator.clipboard.readText()) === 'let a = 1;');
  await question(page).hover();
  await question(page).getByRole('button', { name: 'Copy' }).click();
  await page.waitForFunction(async () => (await navigator.clipboard.readText()) === 'my *words*');
});

test('code has its language, colours once its fence closes, and a button that wraps it', async (t) => {
  const page = await talk.open(t);
  await send(page, 'code');
  const model = await talk.upstream.next();
  model.say('```python\ndef f():\n  return "');
  await says(page.locator('figure .language'), 'python');
  assert.equal(await page.locator('figure code span').count(), 0, 'no colours yet');
  await page.evaluate(() => (document.querySelector('figure').mark = 1));
  model.say('x"\n');
  await says(page.locator('figure code'), 'return "x"');
  model.say('```\n\nand so on');
  await page.locator('figure code .hl-keyword').first().waitFor();
  assert.equal(await page.locator('figure code').textContent(), 'def f():\n  return "x"');
  assert.equal(await page.evaluate(() => document.querySelector('figure').mark), 1, 'the block only grew');
  model.done();
  await settled(page);
  const wrap = page.getByRole('button', { name: 'Wrap long lines' });
  await wrap.click();
  assert.equal(await wrap.getAttribute('aria-pressed'), 'true');
  assert.equal(await page.locator('pre').evaluate((pre) => getComputedStyle(pre).whiteSpace), 'pre-wrap');
  assert.deepEqual(page.trouble, []);
});

test('formulas are typeset once they are whole; what is none stays as it was written', async (t) => {
  const page = await talk.open(t);
  await send(page, 'maths');
  const model = await talk.upstream.next();
  model.say('Einstein: $E = mc^2');
  await says(lastAnswer(page), '$E = mc^2');
  assert.equal(await page.locator('math').count(), 0);
  model.say(
    '$, 它很有名。\n\n$$\n\\int_0^1 x\\,dx = \\frac{1}{2}\n$$\n\nIt costs $5 or $6. $\\nosuchcommand$',
  );
  model.done();
  await settled(page);
  await page.locator('math').nth(1).waitFor();
  assert.equal(await page.locator('math').count(), 2);
  assert.equal(await page.locator('.math.display mfrac').count(), 1);
  await says(lastAnswer(page), 'It costs $5 or $6. $\\nosuchcommand$');
  assert.deepEqual(page.trouble, []);
});

test('settled blocks and settled items of a list stay the same nodes while the answer grows', async (t) => {
  const page = await talk.open(t);
  await send(page, 'list');
  const model = await talk.upstream.next();
  model.say('Intro.\n\n- one\n- two\n- thr');
  await says(lastAnswer(page), 'thr');
  await page.evaluate(() =>
    document.querySelectorAll('.prose > p, .prose li').forEach((node, at) => (node.mark = at)),
  );
  model.say('ee\n- four');
  await says(lastAnswer(page), 'four');
  const marks = await page.evaluate(() =>
    [...document.querySelectorAll('.prose > p, .prose li')].map(({ mark }) => mark ?? null),
  );
  assert.deepEqual(marks, [0, 1, 2, null, null]);
  model.done();
});
