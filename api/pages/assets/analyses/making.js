// Documents come in by drag and drop or by choice, and say how far they are; the form itself needs no script.
import { ends, fetched, filled, follow } from "../stream.js";

const list = document.getElementById("documents");
const drop = document.getElementById("drop");
const files = document.getElementById("files");
const news = document.getElementById("upload-news");
const texts = list.dataset;
const csrf = document.querySelector("meta[name=csrf]").content;
let lastUploaded = null;
let queue = Promise.resolve();

function addRow(name) {
  const row = document.createElement("li");
  const label = document.createElement("label");
  const box = Object.assign(document.createElement("input"), { type: "checkbox", name: "document", disabled: true });
  const words = Object.assign(document.createElement("span"), { className: "name", textContent: name });
  label.append(box, " ", words);
  row.append(label, Object.assign(document.createElement("span"), { className: "muted news" }));
  // above those that were here before, in the order in which they were chosen
  if (lastUploaded) lastUploaded.after(row); else list.prepend(row);
  lastUploaded = row;
  document.getElementById("no-documents")?.remove();
  return row;
}

function say(row, words, bad = false) {
  const place = row.querySelector(".news");
  place.textContent = words;
  place.classList.toggle("bad", bad);
}

function show(row, found) {
  const known = list.querySelector(`[data-document="${CSS.escape(found.id)}"]`);
  if (known && known !== row) {
    // the same bytes are one document: it keeps one row
    if (lastUploaded === row) lastUploaded = known;
    row.replaceWith(known);
    row = known;
  }
  row.querySelector(".name").textContent = found.file_name;
  Object.assign(row.dataset, { document: found.id, job: found.job_id ?? "", status: found.status });
  const box = row.querySelector("input");
  box.value = found.id;
  box.disabled = found.status === "failed";
  if (box.disabled) box.checked = false;
  say(row, found.words, found.status === "failed");
  return row;
}

function upload(file) {
  const row = addRow(file.name);
  if (file.size > Number(texts.largest)) {
    // a server that refuses it takes leave before it has heard all, and then its words do not arrive
    say(row, texts.tooLarge, true);
    news.textContent = `${file.name}: ${texts.tooLarge}`;
    return Promise.resolve();
  }
  const request = new XMLHttpRequest();
  const form = new FormData();
  form.append("file", file);
  return new Promise((resolve) => {
    request.upload.onprogress = (event) => {
      if (event.lengthComputable) say(row, filled(texts.sent, { percent: Math.floor((100 * event.loaded) / event.total) }));
    };
    request.onload = () => {
      let found = null;
      try { found = JSON.parse(request.responseText); } catch { /* not ours: told below */ }
      if (request.status === 401) location.reload();
      if (request.status < 300 && found) {
        const kept = show(row, found);
        kept.querySelector("input").checked = found.status !== "failed";
        if (["pending", "processing"].includes(found.status)) look(kept);
      } else {
        say(row, found?.detail ?? texts.failed, true);
      }
      news.textContent = `${file.name}: ${row.querySelector(".news").textContent}`;
      resolve();
    };
    request.onerror = () => { say(row, texts.failed, true); resolve(); };
    request.open("POST", "/analyses/documents");
    request.setRequestHeader("X-CSRF-Token", csrf);
    request.setRequestHeader("X-Requested-With", "fetch");
    request.send(form);
  });
}

async function look(row) {
  try {
    const answer = await fetched(`/analyses/documents/${row.dataset.document}`);
    show(row, await answer.json());
  } catch { /* it was deleted, or the server is away: the row stays as it was */ }
}

function take(chosen) {
  for (const file of chosen) queue = queue.then(() => upload(file));
}

function takeChosen() {
  take([...files.files]);
  files.value = "";
}

files.addEventListener("change", takeChosen);
// chosen while this script was still on its way
takeChosen();
for (const type of ["dragenter", "dragover"]) {
  drop.addEventListener(type, (event) => { event.preventDefault(); drop.classList.add("over"); });
}
for (const type of ["dragleave", "drop"]) drop.addEventListener(type, () => drop.classList.remove("over"));
drop.addEventListener("drop", (event) => { event.preventDefault(); take([...event.dataTransfer.files]); });
// a file that misses the place must not take the page away
for (const type of ["dragover", "drop"]) addEventListener(type, (event) => event.preventDefault());

follow("/analyses/events", {
  snapshot: () => { for (const row of list.querySelectorAll("[data-status=pending], [data-status=processing]")) look(row); },
  tell: (type, event) => {
    const row = list.querySelector(`[data-job="${CSS.escape(event.job_id)}"]`);
    if (!row || event.job?.kind !== "extract_document") return;
    const { done, total } = event.job.progress;
    if (type === "job.progress" && total > 1) say(row, filled(texts.read, { done, total }));
    else if (ends(type) || type === "job.started") look(row);
  },
});
