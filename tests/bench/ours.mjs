// ours.mjs - our program in a page: in a worker, as in the site, because a page's own thread may
// not wait.
export async function open(options) {
  const worker = new Worker(`ours_worker.js?${options}`);
  const waiting = [];
  worker.onmessage = ({data}) => waiting.shift()(data);
  worker.onerror = ({message}) => waiting.shift()?.({error: message});
  const answer = (command) => new Promise((resolve) => {
    waiting.push(resolve);
    worker.postMessage(command);
  });
  const version = await answer({cmd: 'version'});
  if (version.error) throw new Error(version.error);
  return answer;
}
