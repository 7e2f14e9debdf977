// SPDX-License-Identifier: MIT
// Which platform a visitor's PC is, from what its browser says of it.

/**
 * `navigator` as browsers have it. Resolves to {platform, sure}: platform is a name such as 'win-x64', or null for what
 * is no PC that there are zips for (a phone, say); sure is false where the browser hides the processor.
 *
 * Chromium tells the processor when it is asked (User-Agent Client Hints, https://wicg.github.io/ua-client-hints/).
 * Other browsers on a Mac say "Intel" on every one, and on Windows for ARM "x64".
 */
export async function visitorPlatform(navigator) {
  const agent = navigator.userAgent ?? '';
  const hints = await highHints(navigator.userAgentData);
  const system = systemOf(hints?.platform, agent, navigator.maxTouchPoints ?? 0);
  if (!system) return { platform: null, sure: false };
  if (hints?.architecture) {
    const cpu = hints.architecture === 'arm' ? 'arm64' : 'x64';
    return { platform: `${system}-${cpu}`, sure: true };
  }
  if (system === 'darwin') return { platform: 'darwin-arm64', sure: false }; // those of the last years
  const cpu = /aarch64|arm64/i.test(agent) ? 'arm64' : 'x64';
  return { platform: `${system}-${cpu}`, sure: system === 'linux' };
}

async function highHints(data) {
  try {
    return await data?.getHighEntropyValues(['architecture', 'bitness', 'platform']);
  } catch {
    return null; // the browser keeps it to itself
  }
}

function systemOf(hint, agent, touchPoints) {
  if (/android|iphone|ipad|\bCrOS\b/i.test(agent) || /^(android|ios|chrome ?os)$/i.test(hint ?? ''))
    return null;
  const told = `${hint ?? ''} ${agent}`;
  if (/windows/i.test(told)) return 'win';
  // An iPad calls itself a Mac, but no Mac has a screen for fingers.
  if (/mac ?os|macintosh/i.test(told)) return touchPoints > 1 ? null : 'darwin';
  return /linux/i.test(told) ? 'linux' : null;
}
