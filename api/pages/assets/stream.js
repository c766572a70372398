// One event stream. `tell(type, event)` hears each event; a notice is shown while the server is away.
const TYPES = [
  "job.created", "job.started", "job.progress", "job.retrying", "job.requeued", "job.retried", "job.cancelling",
  "job.completed", "job.failed", "job.cancelled", "job.expired",
];
const ENDS = new Set(["job.completed", "job.failed", "job.cancelled", "job.expired"]);

export const ends = (type) => ENDS.has(type);

export function follow(address, { snapshot = () => {}, tell }) {
  const notice = document.getElementById("away");
  const source = new EventSource(address);
  let late = 0;
  source.onopen = () => {
    clearTimeout(late);
    late = 0;
    if (notice) notice.hidden = true;
  };
  source.onerror = () => {
    // a stream that takes leave comes back within a second or two
    late = late || setTimeout(() => { if (notice) notice.hidden = false; }, 4000);
    if (source.readyState === EventSource.CLOSED) setTimeout(() => location.reload(), 5000);
  };
  source.addEventListener("snapshot", (event) => snapshot(JSON.parse(event.data)));
  for (const type of TYPES) source.addEventListener(type, (event) => tell(type, JSON.parse(event.data)));
  return () => { clearTimeout(late); source.close(); };
}

export const filled = (pattern, values) => pattern.replace(/\{(\w+)\}/g, (all, name) => values[name] ?? all);

export async function fetched(address, options = {}) {
  const answer = await fetch(address, { ...options, headers: { "X-Requested-With": "fetch", ...options.headers } });
  if (answer.status === 401) location.reload();
  if (!answer.ok) throw Object.assign(new Error(`${answer.status} at ${address}`), { status: answer.status });
  return answer;
}

// However often it is asked for: one look at a time, and one more if something happened meanwhile. A look that fails is
// tried again, a few times.
export function coalesced(look) {
  let looking = false;
  let again = false;
  return async () => {
    again = true;
    if (looking) return;
    looking = true;
    for (let failed = 0; again && failed < 5;) {
      again = false;
      try {
        await look();
        failed = 0;
      } catch {
        again = true;
        failed += 1;
        await new Promise((resolve) => { setTimeout(resolve, 1000 * failed); });
      }
    }
    looking = false;
  };
}

export function askBeforeDeleting(within) {
  within.addEventListener("submit", (event) => {
    const sure = event.target.dataset.confirm;
    if (sure && !confirm(sure)) event.preventDefault();
  });
}
