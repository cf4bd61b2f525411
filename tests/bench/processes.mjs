// processes.mjs - what /proc says of processes and their threads: who computes, how much, and
// where. Linux alone; elsewhere there is no such folder and nothing is pinned or noticed.
import {execFileSync} from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';

const kTick_ms = 10;
const numbers_in = (folder) => {
  try {
    return fs.readdirSync(folder).filter((name) => /^\d+$/.test(name)).map(Number);
  } catch {
    return [];
  }
};

// Fields of a stat file after the name, which may hold anything: [1] is the parent, [11] and [12]
// CPU time.
function stat_of(file) {
  try {
    const text = fs.readFileSync(file, 'utf8');
    return text.slice(text.lastIndexOf(')') + 2).split(' ');
  } catch {
    return null;
  }
}
const busy_ms = (stat) => (stat ? (Number(stat[11]) + Number(stat[12])) * kTick_ms : 0);

// `pid` and all that it started, directly or not.
export function family(pid) {
  const children = new Map();
  for (const one of numbers_in('/proc')) {
    const parent = Number(stat_of(`/proc/${one}/stat`)?.[1]);
    children.set(parent, [...(children.get(parent) ?? []), one]);
  }
  const found = [pid];
  for (const one of found) found.push(...(children.get(one) ?? []));
  return found;
}

// CPU time of everybody who is not of our family, in ms since the start. Niced work counts: between
// sessions it gets as much as any.
export function foreign_ms() {
  const all = fs.existsSync('/proc/stat') ? fs.readFileSync('/proc/stat', 'utf8')
                                                .split('\n')[0]
                                                .trim()
                                                .split(/\s+/)
                                                .slice(1)
                                                .map(Number) :
                                            [];
  const [user = 0, nice = 0, system = 0, , , irq = 0, soft = 0] = all;
  const own =
      family(process.pid).reduce((sum, pid) => sum + busy_ms(stat_of(`/proc/${pid}/stat`)), 0);
  return (user + nice + system + irq + soft) * kTick_ms - own;
}

const threads_of = (pids) => new Map(pids.flatMap(
    (pid) => numbers_in(`/proc/${pid}/task`)
                 .map((thread) => [thread, busy_ms(stat_of(`/proc/${pid}/task/${thread}/stat`))])));

function set_cpus(thread, cpus) {
  try {
    execFileSync('taskset', ['-pc', cpus, String(thread)], {stdio: 'ignore'});
  } catch {
    // It has ended, or may not be moved.
  }
}

// Runs `work` and puts the `n` threads of `pids` that were busiest on a processor each: else two
// often sit on one beside somebody else's job, a four-fold error.
export async function pin_busiest(pids, n, work) {
  const before = threads_of(pids);
  await work();
  const spent =
      [...threads_of(pids)].map(([thread, ms]) => [thread, ms - (before.get(thread) ?? 0)]);
  spent.sort((a, b) => b[1] - a[1]);
  const busiest = spent.slice(0, n).filter(([, ms]) => ms > 2 * kTick_ms).map(([thread]) => thread);
  busiest.sort((a, b) => a - b).forEach((thread, cpu) => set_cpus(thread, String(cpu)));
  return busiest;
}

// Threads inherit where their maker may run, so that all are let free before a model is loaded.
export const unpin = (threads) =>
    threads.forEach((thread) => set_cpus(thread, `0-${os.cpus().length - 1}`));

// Linux shares processors between sessions first, so that `nice` does not count between them. Needs
// root.
export function boost(pids) {
  for (const pid of pids) {
    try {
      fs.writeFileSync(`/proc/${pid}/autogroup`, '-20');
    } catch {
      // Not ours to set, or no such thing here.
    }
  }
}

// {rss_mb, peak_mb} of the largest renderer among `pids`.
export function renderer_memory(pids) {
  const value = (text, key) => Number(new RegExp(`${key}:\\s+(\\d+)`).exec(text)?.[1] ?? 0) / 1024;
  let most = {rss_mb: 0, peak_mb: 0};
  for (const pid of pids) {
    try {
      if (!fs.readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('--type=renderer')) continue;
      const status = fs.readFileSync(`/proc/${pid}/status`, 'utf8'),
            rss_mb = value(status, 'VmRSS');
      if (rss_mb > most.rss_mb) most = {rss_mb, peak_mb: value(status, 'VmHWM')};
    } catch {
      // It ended meanwhile.
    }
  }
  return most;
}
