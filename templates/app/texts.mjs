// SPDX-License-Identifier: MIT
// Every sentence the app says, in English and Chinese; {name} is filled in.
const TEXTS = {
  help: [
    `Usage: opencat-chat [OPTIONS] [MESSAGE]

With a message (as an argument, or piped in): prints the answer as it streams.
Without one: chats line by line. Ctrl-C stops an answer; Ctrl-D or /exit leaves; /new starts afresh.

Options:
  -m, --model NAME   the model to ask (default: what the server chooses)
  -h, --help         this help
  -V, --version      the version

Examples:
  opencat-chat "Why is the sky blue?"
  opencat-chat < question.txt
  opencat-chat

Exit codes: 0 done, 1 failed, 2 wrong usage, 3 network, 5 not permitted, 130 interrupted.`,
    `用法: opencat-chat [选项] [消息]

带上消息（作为参数，或从管道输入）: 边生成边显示回答。
不带消息: 逐行对话。Ctrl-C 停止回答；Ctrl-D 或 /exit 退出；/new 开始新对话。

选项:
  -m, --model 名称   要使用的模型（默认由服务器选择）
  -h, --help         显示本帮助
  -V, --version      显示版本

示例:
  opencat-chat "天空为什么是蓝色的？"
  opencat-chat < 问题.txt
  opencat-chat

退出码: 0 完成，1 失败，2 用法错误，3 网络问题，5 没有权限，130 被中断。`,
  ],
  welcome: [
    'OpenCat Chat, {server}, model {model}. /new starts afresh, /exit leaves, Ctrl-C stops an answer.',
    'OpenCat 聊天，{server}，模型 {model}。/new 开始新对话，/exit 退出，Ctrl-C 停止回答。',
  ],
  commands: [
    '/new starts afresh, /exit leaves, Ctrl-C stops an answer.',
    '/new 开始新对话，/exit 退出，Ctrl-C 停止回答。',
  ],
  fresh: ['A new conversation.', '已开始新对话。'],
  stopped: ['[stopped]', '[已停止]'],
  unknownOption: ['unknown option {option}; see --help', '未知选项 {option}；请看 --help'],
  needsValue: ['{option} needs a value; see --help', '{option} 需要一个值；请看 --help'],
  emptyMessage: ['there is no message; see --help', '没有消息内容；请看 --help'],
  noConfig: [
    'not installed yet: {path} does not exist; run the installer (install) first',
    '尚未安装: 找不到 {path}；请先运行安装程序（install）',
  ],
  badConfig: [
    'the configuration {path} cannot be used ({reason}); run the installer again',
    '配置文件 {path} 无法使用（{reason}）；请重新运行安装程序',
  ],
  noToken: ['there is no token in {path}; run the installer again', '{path} 中没有令牌；请重新运行安装程序'],
  unknownToken: [
    'the server does not know this token; run the installer again or ask your administrator',
    '服务器不认识这个令牌；请重新运行安装程序，或联系管理员',
  ],
  tokenDisabled: ['your token has been disabled; ask your administrator', '您的令牌已被停用；请联系管理员'],
  tokenExpired: ['your plan has ended; ask your administrator', '您的套餐已到期；请联系管理员'],
  modelNotAllowed: [
    'your plan does not have this model; choose another, or ask your administrator',
    '您的套餐不含这个模型；请换一个，或联系管理员',
  ],
  quotaExceeded: [
    'your quota is used up; try again {wait}, or ask your administrator for more',
    '您的额度已用完；请{wait}再试，或请管理员增加额度',
  ],
  rateLimited: ['too many requests; try again {wait}', '请求太频繁；请{wait}再试'],
  waitSeconds: ['in {seconds} seconds', '在 {seconds} 秒后'],
  waitLittle: ['later', '稍后'],
  modelNotFound: ['the server offers no such model: {message}', '服务器没有这个模型: {message}'],
  upstreamDown: [
    'the server is there, but the model behind it does not answer; try again later ({message})',
    '服务器正常，但其后的模型没有应答；请稍后再试（{message}）',
  ],
  serverBusy: ['the server cannot answer now; try again {wait}', '服务器暂时无法应答；请{wait}再试'],
  serverError: ['the server failed ({message}); try again later', '服务器出错（{message}）；请稍后再试'],
  refused: ['the server refused the request: {message}', '服务器拒绝了请求: {message}'],
  unreachable: [
    'the server cannot be reached ({reason}); check your network, then try again',
    '无法连接服务器（{reason}）；请检查网络后再试',
  ],
  brokenStream: [
    'the answer broke off ({reason}); what you see is not all of it; try again',
    '回答中断（{reason}）；以上内容不完整，请再试一次',
  ],
  failed: ['failed: {reason}', '失败: {reason}'],
};

/** 'zh' or 'en', after LC_ALL, LC_MESSAGES, LANG, and else the system's own setting (Windows has no LANG). */
export function language(env = process.env) {
  const locale = env.LC_ALL || env.LC_MESSAGES || env.LANG || Intl.DateTimeFormat().resolvedOptions().locale;
  return /^zh/i.test(locale) ? 'zh' : 'en';
}

export function text(key, values = {}) {
  const sentence = TEXTS[key][language() === 'zh' ? 1 : 0];
  return sentence.replace(/\{(\w+)\}/g, (whole, name) => String(values[name] ?? whole));
}
