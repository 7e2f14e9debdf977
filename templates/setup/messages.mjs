// SPDX-License-Identifier: MIT
// Every sentence setup says, in English and Chinese; {name} is filled in. A failure names the cause and the cure.
const MESSAGES = {
  help: [
    `Usage: install [OPTIONS]          (or: node setup.mjs [OPTIONS])
       uninstall [--keep-token]

Options:
  --home DIR      where configuration, logs and launcher go (default: this folder)
  --no-shortcut   make no shortcut on the desktop
  --no-browser    do not open the chat page at the end
  --yes           accepted for scripts; nothing is ever asked
  --quiet         say only errors
  --json          print one JSON document on standard output
  --uninstall     remove what installing made
  --keep-token    with --uninstall: keep data/config.json, which holds the token
  --help          this help

Exit codes: 0 done, 1 failed, 2 wrong usage, 3 network, 4 damaged bundle, 5 not permitted, 130 interrupted.`,
    `用法: install [选项]          （或: node setup.mjs [选项]）
      uninstall [--keep-token]

选项:
  --home 目录     配置、日志和启动程序的位置（默认: 本文件夹）
  --no-shortcut   不在桌面创建快捷方式
  --no-browser    结束时不打开聊天页面
  --yes           供脚本使用；本程序从不提问
  --quiet         只显示错误
  --json          在标准输出打印一个 JSON 文档
  --uninstall     删除安装时创建的内容
  --keep-token    与 --uninstall 同用: 保留 data/config.json（其中有令牌）
  --help          显示本帮助

退出码: 0 完成，1 失败，2 用法错误，3 网络问题，4 安装包损坏，5 没有权限，130 被中断。`,
  ],
  stepCheck: ['Checking this PC', '检查这台电脑'],
  stepDependencies: ['Installing what the app needs', '安装所需组件'],
  stepToken: ['Getting a token', '获取令牌'],
  stepConfig: ['Writing the configuration', '写入配置'],
  stepShortcuts: ['Making the shortcut', '创建快捷方式'],
  stepLauncher: ['Writing the launcher', '创建启动程序'],
  asRoot: [
    'You are root: everything installed here will belong to root.',
    '当前用户是 root: 安装的所有内容将归 root 所有。',
  ],
  depsBundled: ['Already in the bundle.', '安装包中已包含。'],
  depsInPlace: ['Already in place.', '已经安装好。'],
  depsInstalling: ['npm is downloading; this may take a minute.', '正在通过 npm 下载，可能需要一分钟。'],
  depsOtherRegistry: [
    "The bundle's npm registry failed ({reason}); trying the one your npm uses.",
    '安装包指定的 npm 源失败（{reason}）；正在改用您 npm 的源。',
  ],
  tokenGiven: ['The bundle brings one.', '安装包自带令牌。'],
  tokenKept: ['Keeping the one this PC has.', '保留这台电脑已有的令牌。'],
  tokenAsking: ['Asking {server}', '正在向 {server} 申请'],
  tryingAgain: ['No luck yet; trying again in {seconds} s.', '暂未成功，{seconds} 秒后重试。'],
  appConfigured: ['{file}', '{file}'],
  appValueKept: ['Left as you have it: {name} in {file}', '保留您的设置: {file} 中的 {name}'],
  noHome: [
    'you have no home folder on this PC, and the app keeps its configuration there ({file}). Set HOME to a folder of your own and start again.',
    '您在这台电脑上没有主目录，而应用的配置（{file}）要放在那里。请把 HOME 设为您自己的文件夹后重试。',
  ],
  appConfigUnreadable: [
    '{file} is not plain JSON (comments, perhaps), so it was left as it is. Add to it what {wanted} says.',
    '{file} 不是标准 JSON（可能含有注释），因此未作改动。请把 {wanted} 中的内容添加进去。',
  ],
  inTerminal: ['{title} (terminal)', '{title}（终端）'],
  shortcutMade: ['{file}', '{file}'],
  shortcutFailed: [
    'The desktop cannot be written ({reason}); open {page} instead.',
    '无法写入桌面（{reason}）；请改为打开 {page}。',
  ],
  done: ['Installed.', '安装完成。'],
  howToStart: ['Chat in a terminal: {launcher}', '在终端中聊天: {launcher}'],
  howToOpenPage: ['Chat in a browser: open {page}', '在浏览器中聊天: 打开 {page}'],
  pageOpening: [
    'Chat in a browser: opening now; later, open {page}',
    '在浏览器中聊天: 正在打开；以后请打开 {page}',
  ],
  nothingInstalled: ['Nothing is installed in {home}.', '{home} 中没有安装任何内容。'],
  uninstalled: ['Uninstalled. You can delete the folder {home} now.', '已卸载。现在可以删除文件夹 {home}。'],
  uninstalledKept: ['Uninstalled. Kept: {kept}', '已卸载。保留: {kept}'],
  keptChanged: ['Not removed, it was changed since: {file}', '未删除，因为它已被修改: {file}'],

  failedPrefix: ['Error: ', '错误: '],
  seeLog: ['Details: {log}', '详细信息: {log}'],
  seeDoctor: ['To have this PC looked at, run: {command}', '如需检查这台电脑，请运行: {command}'],
  unknownOption: ['unknown option {option}; see --help', '未知选项 {option}；请看 --help'],
  needsValue: ['{option} needs a value; see --help', '{option} 需要一个值；请看 --help'],
  noBundle: [
    'bundle.json is missing in {folder} or unreadable. Extract the whole zip again and start the installer from there.',
    '{folder} 中缺少 bundle.json 或无法读取。请重新解压整个压缩包，再从中运行安装程序。',
  ],
  otherFormat: [
    'this bundle has format {format}, which this setup.mjs does not know. Download the bundle again.',
    '安装包格式 {format} 无法识别。请重新下载安装包。',
  ],
  incomplete: [
    '{count} file(s) of the bundle are missing, the first is {file}. Extract the whole zip again; if it happens again, look whether a virus scanner took them.',
    '安装包缺少 {count} 个文件，第一个是 {file}。请重新解压整个压缩包；若仍缺少，请检查是否被杀毒软件删除。',
  ],
  wrongPlatform: [
    'this bundle is for {bundle}, and this PC is {pc}. Get the bundle for {pc}.',
    '此安装包适用于 {bundle}，而这台电脑是 {pc}。请下载 {pc} 的安装包。',
  ],
  notExtracted: [
    'the bundle is not extracted: {folder} is deleted when the zip program closes. Extract the whole zip to a folder of your own, then start install.bat there.',
    '安装包尚未解压: {folder} 会在压缩软件关闭时被删除。请把整个压缩包解压到您自己的文件夹，再从那里启动 install.bat。',
  ],
  pathTooLong: [
    'the folder name is too long for Windows ({length} characters, at most {most}). Move the folder to a shorter place, such as C:\\OpenCat.',
    '文件夹路径对 Windows 来说太长（{length} 个字符，最多 {most} 个）。请移到更短的位置，例如 C:\\OpenCat。',
  ],
  diskFull: [
    'there are {free} MB free at {home}, and {needed} MB are needed. Free some space and start again.',
    '{home} 所在磁盘剩余 {free} MB，需要 {needed} MB。请清理空间后重试。',
  ],
  diskFullNow: [
    'the disk is full ({file}). Free some space and start again.',
    '磁盘已满（{file}）。请清理空间后重试。',
  ],
  notWritable: [
    'the folder {home} cannot be written ({reason}). Move it to a place of your own, such as your home folder.',
    '文件夹 {home} 不可写（{reason}）。请把它移到您自己的位置，例如用户主目录。',
  ],
  fileInUse: [
    'another program has held {file} for {seconds} seconds ({reason}). Close what uses this folder, or let the virus scanner leave it out, and start again.',
    '另一个程序占用 {file} 已达 {seconds} 秒（{reason}）。请关闭正在使用此文件夹的程序，或让杀毒软件排除它，然后重试。',
  ],
  noAccess: [
    'no permission for {file} ({reason}). Does the folder belong to another user, or is the program still running?',
    '没有权限访问 {file}（{reason}）。文件夹是否属于其他用户，或程序仍在运行？',
  ],
  npmNetwork: [
    'npm could not download the packages ({reason}). Check the network and proxy (HTTPS_PROXY, .npmrc), then start again.',
    'npm 无法下载组件（{reason}）。请检查网络和代理（HTTPS_PROXY、.npmrc）后重试。',
  ],
  npmRefused: [
    'the npm registry refused ({reason}). Is your PC allowed to use it? Name another in .npmrc (registry=…), or tell your administrator; then start again.',
    'npm 源拒绝了请求（{reason}）。这台电脑是否可以使用它？请在 .npmrc 中指定其他源（registry=…）或联系管理员，然后重试。',
  ],
  npmCertificate: [
    'the certificate of the npm registry is not trusted here ({reason}). Is the date of this PC right? If a company inspects its traffic, set NODE_EXTRA_CA_CERTS to the file with its certificate (PEM), then start again.',
    '这台电脑不信任 npm 源的证书（{reason}）。电脑的日期是否正确？若公司会检查网络流量，请把 NODE_EXTRA_CA_CERTS 设为其证书文件（PEM），然后重试。',
  ],
  npmIntegrity: [
    'what npm downloaded is not what the bundle expects ({reason}). Try again; if it stays so, tell your administrator.',
    'npm 下载的内容与安装包要求的不一致（{reason}）。请重试；若仍如此，请联系管理员。',
  ],
  npmFailed: [
    'npm could not install the packages ({reason}). Start again; if it stays so, send your administrator the log.',
    'npm 无法安装组件（{reason}）。请重试；若仍如此，请把日志发给管理员。',
  ],
  serverUnreachable: [
    'the server {server} cannot be reached ({reason}). Check the network and proxy (HTTPS_PROXY), then start again.',
    '无法连接服务器 {server}（{reason}）。请检查网络和代理（HTTPS_PROXY）后重试。',
  ],
  serverCertificate: [
    'the certificate of {server} is not trusted here ({reason}). Is the date of this PC right? If a company inspects its traffic, set NODE_EXTRA_CA_CERTS to the file with its certificate (PEM), then start again.',
    '这台电脑不信任 {server} 的证书（{reason}）。电脑的日期是否正确？若公司会检查网络流量，请把 NODE_EXTRA_CA_CERTS 设为其证书文件（PEM），然后重试。',
  ],
  serverBusy: [
    'the server {server} cannot issue a token now ({status}). Try again later.',
    '服务器 {server} 暂时无法发放令牌（{status}）。请稍后再试。',
  ],
  notOpencat: [
    'what answered at {server} is not an OpenCat server ({status}). Are you signed in to the network? Else tell your administrator.',
    '{server} 上应答的不是 OpenCat 服务器（{status}）。您是否已登录网络？否则请联系管理员。',
  ],
  tokenRateLimited: [
    'the server issued too many tokens to your network. Try again in {seconds} seconds.',
    '服务器已向您的网络发放过多令牌。请在 {seconds} 秒后重试。',
  ],
  tokenRateLimitedLater: [
    'the server issued too many tokens to your network. Try again later.',
    '服务器已向您的网络发放过多令牌。请稍后再试。',
  ],
  enrollmentRefused: [
    'the server does not accept the enrolment key of this bundle. Ask your administrator for a new bundle.',
    '服务器不接受此安装包的注册密钥。请向管理员索取新的安装包。',
  ],
  tokenRefused: ['the server refused a token: {message}', '服务器拒绝发放令牌: {message}'],
  badGrant: [
    'the token is not in the form it should be. Ask your administrator for a new bundle.',
    '令牌格式不正确。请向管理员索取新的安装包。',
  ],
  launcherNotAscii: [
    'the launcher cannot name the bundle from {home}. Choose a --home that contains the bundle.',
    '启动程序无法从 {home} 指向安装包。请选择包含安装包的 --home。',
  ],
  cannotRemove: [
    'cannot remove {file} ({reason}). Close the program that uses it, then start again.',
    '无法删除 {file}（{reason}）。请关闭正在使用它的程序后重试。',
  ],
  unexpected: [
    'something unexpected happened ({reason}). Start again; if it stays so, send your administrator the log.',
    '发生意外错误（{reason}）。请重试；若仍如此，请把日志发给管理员。',
  ],
};

/** 'zh' or 'en', after LC_ALL, LC_MESSAGES, LANG, and else the system's own setting (Windows has no LANG). */
export function systemLanguage(env) {
  const locale = env.LC_ALL || env.LC_MESSAGES || env.LANG || Intl.DateTimeFormat().resolvedOptions().locale;
  return /^zh/i.test(locale) ? 'zh' : 'en';
}

export function message(language, key, values = {}) {
  const sentence = MESSAGES[key][language === 'zh' ? 1 : 0];
  return sentence.replace(/\{(\w+)\}/g, (whole, name) => String(values[name] ?? whole));
}

/** For the test that holds keys and translations together. */
export const messageKeys = Object.keys(MESSAGES);
export const messageOf = (key) => MESSAGES[key];
