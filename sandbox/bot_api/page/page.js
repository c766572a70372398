// What changes, and what can the person do? Everything comes through one event stream; nothing asks twice.
import { make } from "./bubbles.js";
import {
  appendMessage, drawAll, drawComposer, drawDraft, drawKeyboard, drawMessages, drawPeople, drawStatus, drawTrouble,
  drawWords, redrawMessage, shown, toBottom,
} from "./drawing.js";
import { $, act, ask, current, isOpen, load, newcomer, page, people, request, start, state, timers, toast } from "./state.js";

Object.assign(page, {
  say: (text) => act("messages", { text }),
  stopDraft: (id) => act(`drafts/${id}/stop`, {}),
  showPhoto: (url) => { $("photo").querySelector("img").src = url; $("photo").showModal(); },
  pressInline, startEditing, receive,
});

// ---- the event stream -------------------------------------------------------------------------------------------
const handlers = {
  user_added(person, { user }) {
    if (!people.has(user.id)) people.set(user.id, newcomer(user));
    load(user.id).then(() => { drawPeople(); if (!state.current) open(user.id); });
  },
  message(person, message) {
    if (!person.chat.messages.has(message.message_id)) person.chat.messages.set(message.message_id, message);
    if (message.from_bot) Object.assign(person.chat, { action: null, draft: null });
    person.chat.started = true;
    if (!isOpen(person)) person.unread += message.from_bot ? 1 : 0;
    else { appendMessage(message); drawDraft(); drawStatus(); drawComposer(); }
    drawPeople();
  },
  message_edited(person, message) {
    person.chat.messages.set(message.message_id, message);
    redrawMessage(person, message);
    drawPeople();
  },
  message_deleted(person, { message_id, deleted_at }) {
    const message = person.chat.messages.get(message_id);
    if (message) message.deleted_at = deleted_at;
    if (isOpen(person)) drawMessages();
    drawPeople();
  },
  update(person, update) {
    const { undelivered, messages } = person.chat;
    if (update.state === "pending") undelivered.set(update.update_id, update.error);
    else undelivered.delete(update.update_id);
    const message = messages.get(update.message_id);
    if (message && !message.from_bot && message.update_state !== update.state) {
      message.update_state = update.state;
      redrawMessage(person, message);
    }
    if (isOpen(person)) drawTrouble();
  },
  draft(person, draft) { person.chat.draft = draft; if (isOpen(person)) drawDraft(); },
  draft_gone(person) { person.chat.draft = null; if (isOpen(person)) drawDraft(); },
  action(person, action) { person.chat.action = action.action ? action : null; if (isOpen(person)) drawStatus(); },
  blocked(person, { blocked }) {
    person.chat.blocked = blocked;
    // a bot that may not write is not seen to write
    if (blocked) Object.assign(person.chat, { action: null, draft: null });
    if (isOpen(person)) { drawComposer(); drawDraft(); drawStatus(); }
    drawPeople();
  },
  reply_keyboard(person, { reply_keyboard }) {
    person.chat.reply_keyboard = reply_keyboard;
    state.keyboardOpen = true;
    if (isOpen(person)) drawComposer();
  },
  payment(person, payment) {
    if (!isOpen(person)) return;
    if (payment.status === "declined") toast(page.texts.declined + payment.error_message);
    if (payment.status === "timed_out") toast(page.texts.timedOut);
  },
};

function receive(event) {
  if (event.kind === "reset") return location.reload();
  if (event.kind === "user_added") return handlers.user_added(null, event.data);
  if (event.bot_id !== state.bot.id) return null;
  if (event.kind === "profile" || event.kind === "webhook") return reloadChats();
  const person = people.get(event.user_id);
  if (!person || !handlers[event.kind]) return null;
  if (!person.chat) return person.early.push(event);
  if (event.seq <= person.chat.seq) return null;
  person.chat.seq = event.seq;
  return handlers[event.kind](person, event.data);
}

function reloadChats() {
  clearTimeout(timers.reload);
  timers.reload = setTimeout(() => Promise.all([...people.keys()].map(load)).then(drawAll), 50);
}

function follow(after) {
  const stream = new EventSource(`/sandbox/events?after=${after}`);
  stream.onmessage = (message) => receive(JSON.parse(message.data));
  stream.onerror = () => { timers.offline = timers.offline || setTimeout(() => toast(page.texts.disconnected, 60000), 1500); };
  stream.onopen = () => { if (timers.offline) { clearTimeout(timers.offline); timers.offline = null; $("toast").hidden = true; } };
}

async function open(userId, byHand = false) {
  stopEditing();
  hideCommands();
  state.current = userId;
  current().unread = 0;
  if (!current().chat) await load(userId);
  if (byHand) $("app").classList.add("in-chat");
  history.replaceState(null, "", `?user=${userId}${start.bots.length > 1 ? `&bot=${state.bot.id}` : ""}`);
  drawAll();
  if (matchMedia("(hover: hover)").matches) $("text").focus();
}

// ---- what the person does ---------------------------------------------------------------------------------------
async function pressInline(message, button, element) {
  if (button.pay) {
    const bill = message.invoice;
    if (await ask(page.texts.payQuestion(bill.total_amount, state.bot.first_name), page.texts.pay)) act("payments", { message_id: message.message_id });
  } else if (button.copy_text) {
    await navigator.clipboard.writeText(button.copy_text.text);
    toast(page.texts.copied);
  } else if (button.callback_data) {
    element.classList.add("waiting");
    const query = await act("callbacks", { message_id: message.message_id, data: button.callback_data }, { wait: 15 });
    element.classList.remove("waiting");
    if (query) tellAnswer(query);
  } else {
    toast(page.texts.unsupported);
  }
}

function tellAnswer(query) {
  if (!query.answered) toast(page.texts.noAnswer);
  else if (query.answer.text && query.answer.show_alert) ask(query.answer.text, "OK");
  else if (query.answer.text) toast(query.answer.text);
}

function startEditing(message) {
  state.editing = message;
  $("editing").hidden = false;
  $("editing").querySelector("span").textContent = `${page.texts.editing}: ${message.text}`;
  $("text").value = message.text;
  grow();
  $("text").focus();
}

function stopEditing() {
  if (!state.editing) return;
  state.editing = null;
  $("editing").hidden = true;
  $("text").value = "";
  grow();
}

async function submit() {
  const text = $("text").value.trim();
  if (!text) return;
  hideCommands();
  const edited = state.editing;
  if (edited) {
    stopEditing();
    if (text !== edited.text) await act(`messages/${edited.message_id}`, { text }, { method: "PATCH" });
    return;
  }
  $("text").value = "";
  grow();
  if (!(await act("messages", { text })) && !$("text").value) { $("text").value = text; grow(); }
}

async function attach(file) {
  const form = new FormData();
  form.append("file", file);
  form.append("photo", String(file.type.startsWith("image/")));
  form.append("caption", $("text").value);
  $("text").value = "";
  grow();
  await act("files", form);
}

function grow() {
  const text = $("text");
  text.style.height = "auto";
  text.style.height = `${Math.min(text.scrollHeight, 160)}px`;
}

function hideCommands() {
  $("commands").hidden = true;
  state.picked = -1;
}

function offerCommands(beginning) {
  const { commands } = current().chat;
  const fitting = commands.filter(({ command }) => `/${command}`.startsWith(beginning));
  $("commands").hidden = !fitting.length;
  state.picked = fitting.length && beginning.length > 1 ? 0 : -1;
  $("commands").replaceChildren(...fitting.map(({ command, description }, index) =>
    make("button", { type: "button", role: "option", "aria-selected": String(index === state.picked), onclick: () => { $("text").value = ""; hideCommands(); page.say(`/${command}`); } },
      make("b", {}, `/${command}`), make("span", {}, description))));
}

function pick(step) {
  const options = [...$("commands").children];
  state.picked = (state.picked + step + options.length) % options.length;
  options.forEach((option, index) => option.setAttribute("aria-selected", String(index === state.picked)));
  options[state.picked].scrollIntoView({ block: "nearest" });
}

function onKey(event) {
  const choosing = !$("commands").hidden;
  if (choosing && (event.key === "ArrowDown" || event.key === "ArrowUp")) { event.preventDefault(); pick(event.key === "ArrowDown" ? 1 : -1); return; }
  if (event.key === "Escape") { hideCommands(); stopEditing(); return; }
  if (event.key === "ArrowUp" && !$("text").value) {
    const own = shown(current().chat).filter((message) => !message.from_bot && message.text).at(-1);
    if (own) { event.preventDefault(); startEditing(own); }
    return;
  }
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  if (choosing && state.picked >= 0) $("commands").children[state.picked].click();
  else submit();
}

async function addPerson() {
  const dialog = $("new-user");
  dialog.querySelector("form").reset();
  dialog.querySelector(`[value=${page.language === "ru" ? "ru" : "en"}]`).checked = true;
  dialog.returnValue = "";
  dialog.showModal();
  await new Promise((resolve) => dialog.addEventListener("close", resolve, { once: true }));
  if (dialog.returnValue !== "ok") return;
  const fields = Object.fromEntries(new FormData(dialog.querySelector("form")));
  const body = { ...fields, username: fields.username || null, started: false };
  try {
    const user = await request("/sandbox/users", { method: "POST", body: JSON.stringify(body), headers: { "Content-Type": "application/json" } });
    if (!people.has(user.id)) people.set(user.id, newcomer(user));
    await open(user.id, true);
  } catch (problem) {
    toast(problem.message);
  }
}

async function toggleBlock() {
  const { blocked } = current().chat;
  if (blocked || (await ask(page.texts.blockQuestion, page.texts.block))) act(blocked ? "unblock" : "block", {});
}

function keepAtBottom() {
  const box = $("scroll");
  box.addEventListener("scroll", () => { state.atBottom = box.scrollHeight - box.scrollTop - box.clientHeight < 120; });
  new ResizeObserver(() => state.atBottom && toBottom()).observe(box);
}

function listen() {
  keepAtBottom();
  for (const button of document.querySelectorAll("dialog .dismiss")) button.addEventListener("click", () => button.closest("dialog").close(""));
  $("composer").addEventListener("submit", (event) => { event.preventDefault(); submit(); });
  $("text").addEventListener("keydown", onKey);
  $("text").addEventListener("input", () => { grow(); if (/^\/\w*$/.test($("text").value)) offerCommands($("text").value); else hideCommands(); });
  $("menu").addEventListener("click", () => { if ($("commands").hidden) offerCommands("/"); else hideCommands(); });
  $("big").addEventListener("click", () => (current().chat.blocked ? act("unblock", {}) : page.say("/start")));
  $("block").addEventListener("click", toggleBlock);
  $("back").addEventListener("click", () => $("app").classList.remove("in-chat"));
  $("add-user").addEventListener("click", addPerson);
  $("add-first").addEventListener("click", addPerson);
  $("attach").addEventListener("click", () => $("file").click());
  $("file").addEventListener("change", () => { if ($("file").files[0]) attach($("file").files[0]); $("file").value = ""; });
  $("editing").querySelector("button").addEventListener("click", stopEditing);
  $("toggle-keyboard").addEventListener("click", () => { state.keyboardOpen = !state.keyboardOpen; drawKeyboard(); });
  $("bots").addEventListener("change", () => { location.search = `?bot=${$("bots").value}${state.current ? `&user=${state.current}` : ""}`; });
}

async function begin() {
  listen();
  $("bots").hidden = start.bots.length < 2;
  $("bots").append(...start.bots.map((bot) => make("option", { value: bot.id, selected: bot.id === state.bot.id }, bot.first_name)));
  drawWords();
  drawPeople();
  await Promise.all([...people.keys()].map(load));
  if (start.user_id) await open(start.user_id, start.user_named || people.size === 1);
  follow(Math.min(start.seq, ...[...people.values()].map((person) => person.chat?.seq ?? start.seq)));
}

begin();
