// One analysis: its progress moves with each event, and what changes more is drawn anew by the server.
import { askBeforeDeleting, ends, fetched, filled, follow } from "../stream.js";

const live = document.getElementById("live");
let shown = live.querySelector("[data-status]").dataset.status;

async function draw() {
  const answer = await fetched(`/analyses/${live.dataset.id}/state`);
  live.innerHTML = await answer.text();
  shown = live.querySelector("[data-status]").dataset.status;
  askBeforeDeleting(live);
}

function move(job) {
  const bar = document.getElementById("progress");
  if (!bar || !job?.progress) return;
  const { done, total, stage, stages = [] } = job.progress;
  bar.max = total || 1;
  bar.value = done || 0;
  const counted = stages.find((each) => each.stage === stage);
  const pattern = live.dataset[stage];
  if (!counted || !pattern) return;
  const numbers = { done: counted.done + counted.failed, total: counted.planned };
  document.getElementById("progress-words").textContent = filled(pattern, numbers);
}

askBeforeDeleting(live);
if (live.dataset.open) {
  const stop = follow(`/analyses/${live.dataset.id}/events`, {
    snapshot: (job) => (job.status === shown ? move(job) : draw()),
    tell: async (type, event) => {
      if (ends(type)) {
        stop();
        await draw();
      } else if (event.job && event.job.status !== shown) {
        await draw();
      } else {
        move(event.job);
      }
    },
  });
}
