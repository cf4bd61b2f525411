// peers.mjs - opens our program and its rival, each in a browser or a process of its own. A peer
// has answer(command) and its pids; errors are thrown.
import {spawn} from 'node:child_process';
import readline from 'node:readline';

import {chromium} from '../browser/node_modules/playwright-core/index.mjs';
import {kChromium} from '../browser/page.mjs';

import {family} from './processes.mjs';

const kQuiet = [
  '--disable-background-timer-throttling', '--disable-renderer-backgrounding',
  '--disable-backgrounding-occluded-windows', '--disable-dev-shm-usage'
];

function checked(answer, name) {
  if (answer?.error) throw new Error(`${name}: ${answer.error}`);
  return answer;
}

// A browser of its own; `pids` are all its processes.
export async function open_browser(more_args = []) {
  const before = new Set(family(process.pid));
  const browser =
      await chromium.launch({...kChromium, args: [...kChromium.args, ...kQuiet, ...more_args]});
  const first = family(process.pid).filter((pid) => !before.has(pid));
  return {browser, pids: () => [...new Set(first.flatMap((pid) => family(pid)))]};
}

export async function open_page(name, url) {
  const {browser, pids} = await open_browser();
  const page = await browser.newPage(), faults = [];
  page.on('pageerror', (error) => faults.push(error.message));
  page.setDefaultTimeout(600000);
  await page.goto(url);
  await page.waitForFunction('window.answer', null, {timeout: 60000}).catch((error) => {
    throw new Error(`${name} did not open: ${faults.join('; ') || error.message}`);
  });
  const answer = async (command) =>
      checked(await page.evaluate((c) => window.answer(c), command), name);
  return {name, pids, answer, close: () => browser.close()};
}

export function open_program(name, program, args) {
  const child = spawn(program, args, {stdio: ['pipe', 'pipe', 'inherit']}), waiting = [];
  readline.createInterface({input: child.stdout})
      .on('line', (line) => waiting.shift()?.resolve(JSON.parse(line)));
  const end = (why) => waiting.splice(0).forEach(({reject}) => reject(new Error(`${name} ${why}`)));
  child.once('error', (error) => end(error.message));
  child.once('exit', (code) => end(`ended with code ${code}`));
  const answer = async (command) => checked(
      await new Promise((resolve, reject) => {
        if (child.exitCode !== null) return reject(new Error(`${name} has ended`));
        waiting.push({resolve, reject});
        child.stdin.write(JSON.stringify(command) + '\n');
      }),
      name);
  return {name, pids: () => family(child.pid), answer, close: async () => child.kill()};
}
