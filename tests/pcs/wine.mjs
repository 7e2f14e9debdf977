// SPDX-License-Identifier: MIT
// A Windows of a test's own: Wine 10 in the Debian 13 that `./dev wine` makes, with a prefix that goes with the test.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import path from 'node:path';
import { repository } from '../cli/helpers.mjs';

const debian = path.join(repository, 'build', 'wine-root');
const windows = {
  PATH: '/usr/sbin:/usr/bin:/sbin:/bin',
  HOME: '/pc/home',
  WINEPREFIX: '/pc/prefix',
  WINEDEBUG: '-all',
  LANG: 'C.UTF-8',
};

/** Why there is no Wine here; false when there is one. */
export function noWine() {
  if (process.getuid() !== 0) return 'only root may start a program in another root';
  return fs.existsSync(path.join(debian, 'ready')) ? false : `there is no ${debian}: ./dev wine makes it`;
}

export class Wine {
  /** `folder`, which is Z:\pc in there, gets the user's files; C: is in its prefix/. */
  constructor(folder) {
    this.folder = folder;
    this.user = path.join(folder, 'prefix', 'drive_c', 'users', 'root');
    this.count = 0;
  }

  /** A new prefix, with a desktop that is not the Unix one. */
  static async start(folder) {
    const wine = new Wine(folder);
    fs.mkdirSync(path.join(folder, 'home'), { recursive: true });
    const { code, output } = await wine.run(['wineboot', '--init']);
    if (code !== 0) throw new Error(`Wine does not start:\n${output}`);
    const desktop = path.join(wine.user, 'Desktop');
    fs.rmSync(desktop, { recursive: true, force: true });
    fs.mkdirSync(desktop);
    return wine;
  }

  /**
   * Runs `wine WORDS…` in `cwd` (below the folder), to its end: { code, output }. The output goes to a file, for Node
   * on Wine cannot write to a Unix pipe. Everything that was started ends with it: it has a process namespace of its own.
   */
  async run(words, options) {
    return this.start(words, options).done;
  }

  /**
   * The same, not to its end: `done` resolves to that, `output` is what it has said so far, kill() ends it, and
   * beside(WORDS) runs another program on the same Windows meanwhile.
   */
  start(words, { cwd = this.folder, env = {} } = {}) {
    this.count += 1;
    const output = path.join(this.folder, `output-${this.count}.txt`);
    const within = (file) => path.join('/pc', path.relative(this.folder, file));
    const script = `mount -t proc proc "$1/proc"; mount --bind /dev "$1/dev"; mkdir -p "$1/pc"
      mount --bind "$2" "$1/pc"; cp /etc/resolv.conf "$1/etc/resolv.conf"; cp /etc/hosts "$1/etc/hosts"
      root=$1; shift 2; exec chroot "$root" "$@"`;
    // wineserver writes the registry when it ends.
    const inside =
      'cd "$1"; out=$2; shift 2; wine "$@" >"$out" 2>&1; code=$?; wineserver -k; wineserver -w; exit $code';
    const child = spawn(
      'unshare',
      [
        ...['--mount', '--pid', '--fork', '--kill-child', 'sh', '-ec', script, 'sh', debian, this.folder],
        ...['sh', '-c', inside, 'sh', within(cwd), within(output), ...words],
      ],
      {
        env: { ...windows, ...env },
        stdio: ['ignore', 'inherit', 'inherit'],
      },
    );
    const said = () => (fs.existsSync(output) ? fs.readFileSync(output, 'utf8') : '');
    return {
      get output() {
        return said();
      },
      kill: () => child.kill('SIGKILL'),
      beside: (more) => this.#beside(child.pid, more, env),
      done: new Promise((resolve, reject) =>
        child.on('error', reject).on('close', (code) => resolve({ code, output: said() })),
      ),
    };
  }

  /** Runs `wine WORDS…` in the namespaces that the process has made for its child: { code, output }. */
  async #beside(pid, words, env) {
    this.count += 1;
    const name = `output-${this.count}.txt`;
    const [first] = fs.readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ');
    const inside = 'cd /pc; out=$1; shift; exec wine "$@" >"$out" 2>&1';
    const enter = ['--target', first, '--mount', '--pid', 'chroot', debian, 'sh', '-c', inside, 'sh'];
    const child = spawn('nsenter', [...enter, name, ...words], {
      env: { ...windows, ...env },
      stdio: ['ignore', 'inherit', 'inherit'],
    });
    const [code] = await once(child, 'close');
    return { code, output: fs.readFileSync(path.join(this.folder, name), 'utf8') };
  }

  /** What a double click does: cmd.exe with the file's whole name. */
  cmd(file, words = [], options = {}) {
    return this.run(['cmd', '/c', path.basename(file), ...words], { ...options, cwd: path.dirname(file) });
  }
}
