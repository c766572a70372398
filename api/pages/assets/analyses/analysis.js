// One analysis: its progress moves with each event, and what changes more is drawn anew by the server.
import { morph } from "../morph.js";
import { askBeforeDeleting, coalesced, ends, fetched, filled, follow } from "../stream.js";

const OPEN = new Set(["pending", "processing"]);
const live = document.getElementById("live");
const status = () => live.querySelector("[data-status]").dataset.status;

const draw = coalesced(async () => {
  try {
    const answer = await fetched(`/analyses/${live.dataset.id}/state`);
    morph(live, await answer.text());
  } catch (error) {
    if (error.status === 404) location.reload(); // deleted, in another tab
    throw error;
  }
});

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
    snapshot: (job) => {
      // it may have ended while this page was on its way: then nothing more is to come
      if (!OPEN.has(job.status)) stop();
      if (job.status === status()) move(job);
      else draw();
    },
    tell: (type, event) => {
      if (ends(type)) stop();
      if (ends(type) || (event.job && event.job.status !== status())) draw();
      else move(event.job);
    },
  });
}
