// SPDX-License-Identifier: MIT
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { visitorPlatform } from '../download/platform.js';

const chromium = (platform, architecture, userAgent) => ({
  userAgent,
  userAgentData: { getHighEntropyValues: async () => ({ platform, architecture, bitness: '64' }) },
});
const WINDOWS = 'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/140.0.0.0 Safari/537.36';
const MAC =
  'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 Version/18.0 Safari/605.1.15';
const LINUX = 'Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0';

test('a browser that tells its processor is believed', async () => {
  const told = async (...facts) => (await visitorPlatform(chromium(...facts))).platform;
  assert.equal(await told('Windows', 'x86', WINDOWS), 'win-x64');
  assert.equal(await told('Windows', 'arm', WINDOWS), 'win-arm64');
  assert.equal(await told('macOS', 'arm', MAC), 'darwin-arm64');
  assert.equal(await told('macOS', 'x86', MAC), 'darwin-x64');
  assert.equal(await told('Linux', 'x86', LINUX), 'linux-x64');
  assert.equal(await told('Linux', 'arm', LINUX), 'linux-arm64');
  assert.equal((await visitorPlatform(chromium('macOS', 'x86', MAC))).sure, true);
});

test('others are judged by their User-Agent, and what that hides is said to be a guess', async () => {
  assert.deepEqual(await visitorPlatform({ userAgent: WINDOWS }), { platform: 'win-x64', sure: false });
  assert.deepEqual(await visitorPlatform({ userAgent: MAC }), { platform: 'darwin-arm64', sure: false });
  assert.deepEqual(await visitorPlatform({ userAgent: LINUX }), { platform: 'linux-x64', sure: true });
  const arm = LINUX.replace('x86_64', 'aarch64');
  assert.deepEqual(await visitorPlatform({ userAgent: arm }), { platform: 'linux-arm64', sure: true });
});

test('a browser that refuses to tell is like one that cannot', async () => {
  const refusing = {
    userAgent: MAC,
    userAgentData: { getHighEntropyValues: () => Promise.reject(new Error('NotAllowedError')) },
  };
  assert.deepEqual(await visitorPlatform(refusing), { platform: 'darwin-arm64', sure: false });
});

test('a phone, a tablet and something unknown are no PC', async () => {
  const agents = [
    'Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15',
    'Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 Chrome/140.0.0.0 Mobile',
    'Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36',
    'curl/8.0',
    undefined,
  ];
  for (const userAgent of agents)
    assert.deepEqual(await visitorPlatform({ userAgent }), { platform: null, sure: false }, userAgent);
  assert.equal((await visitorPlatform({ userAgent: MAC, maxTouchPoints: 5 })).platform, null); // an iPad
  assert.equal((await visitorPlatform(chromium('Android', 'arm', LINUX))).platform, null);
});
