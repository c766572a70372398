// The list: whenever something happens to a job in it, its rows are drawn anew by the server, one look at a time.
import { fetched, follow } from "./stream.js";

const rows = document.getElementById("rows");
let looking = false;
let again = false;

async function draw() {
  again = true;
  if (looking) return;
  looking = true;
  while (again) {
    again = false;
    const answer = await fetched(`/analyses/rows${location.search}`);
    const focused = document.activeElement?.getAttribute?.("href");
    rows.innerHTML = await answer.text();
    if (focused) rows.querySelector(`a[href="${CSS.escape(focused)}"]`)?.focus();
  }
  looking = false;
}

const isHere = (job) => rows.querySelector(`[data-job="${CSS.escape(job)}"]`) !== null;

follow("/analyses/events", {
  snapshot: (state) => {
    const open = rows.querySelectorAll(".status.pending, .status.processing").length;
    if (open || state.jobs.some((job) => job.kind === "run_ollama_analysis")) draw();
  },
  tell: (type, event) => {
    if (isHere(event.job_id) || event.job?.kind === "run_ollama_analysis") draw();
  },
});
