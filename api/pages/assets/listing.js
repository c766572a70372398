// A list: whenever something happens to a job in it, its rows are drawn anew by the server, one look at a time.
import { coalesced, fetched, follow } from "./stream.js";

const rows = document.getElementById("rows");
const { address, events, kind } = rows.dataset;

const draw = coalesced(async () => {
  const answer = await fetched(`${address}${location.search}`);
  const focused = document.activeElement?.getAttribute?.("href");
  rows.innerHTML = await answer.text();
  if (focused) rows.querySelector(`a[href="${CSS.escape(focused)}"]`)?.focus();
});

const isHere = (job) => rows.querySelector(`[data-job="${CSS.escape(job)}"]`) !== null;

follow(events, {
  snapshot: (state) => {
    const open = rows.querySelectorAll(".status.pending, .status.processing").length;
    if (open || state.jobs.some((job) => job.kind === kind)) draw();
  },
  tell: (type, event) => {
    if (isHere(event.job_id) || event.job?.kind === kind) draw();
  },
});
