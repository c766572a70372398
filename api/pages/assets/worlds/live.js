// A world while it grows, or one of its people: drawn anew by the server whenever a step has ended.
import { morph } from "../morph.js";
import { coalesced, ends, fetched, follow } from "../stream.js";

const live = document.getElementById("live");

const draw = coalesced(async () => {
  const answer = await fetched(live.dataset.part);
  morph(live, await answer.text());
  const title = live.querySelector("[data-title]").textContent;
  document.title = `${title} · Postgen`;
});

if (live.dataset.open) {
  const stop = follow(live.dataset.events, {
    snapshot: draw,
    tell: (type) => {
      if (ends(type)) stop();
      draw();
    },
  });
}
