// How does each part of the page look now? Every function redraws one part from the state.
import { draftElement, icon, make, messageElement } from "./bubbles.js";
import { $, current, isOpen, page, people, state, timers } from "./state.js";
import { textsFor } from "./texts.js";

export function shown(chat) {
  return [...chat.messages.values()].filter((message) => !message.deleted_at);
}

// What is only redrawn must not arrive again.
function still(element) {
  element.classList.add("still");
  return element;
}

function avatar(element, name, number) {
  element.textContent = [...name][0].toUpperCase();
  element.className = `avatar color-${number % 7}`;
  return element;
}

function preview(chat) {
  const last = chat && shown(chat).at(-1);
  if (!last) return page.texts.noMessages;
  const own = last.from_bot ? "" : `${page.texts.you}: `;
  return own + (last.text || last.caption || (last.photo ? page.texts.photo : last.invoice ? last.invoice.title : last.document ? page.texts.file : "★"));
}

function lastTime(person) {
  return (person.chat && shown(person.chat).at(-1)?.received_at) || 0;
}

export function drawPeople() {
  const sorted = [...people.values()].sort((a, b) => lastTime(b) - lastTime(a) || a.user.id - b.user.id);
  $("users").replaceChildren(...sorted.map((person) => {
    const { user, chat, unread } = person;
    const time = lastTime(person) ? new Date(lastTime(person) * 1000).toLocaleTimeString(page.language, { hour: "2-digit", minute: "2-digit" }) : "";
    const name = `${user.first_name}${user.last_name ? ` ${user.last_name}` : ""}`;
    return make("button", { class: "person", "aria-current": isOpen(person) ? "true" : null, onclick: () => open(user.id, true) },
      avatar(make("span"), name, user.id),
      make("span", { class: "lines" },
        make("span", { class: "line" }, make("b", {}, name), make("small", { class: "tag" }, user.language_code), chat?.blocked ? icon("block") : null, make("time", {}, time)),
        make("span", { class: "line" }, make("span", { class: "preview" }, preview(chat)), unread ? make("i", { class: "unread" }, String(unread)) : null)));
  }));
  $("app").classList.toggle("empty", people.size === 0);
}

function day(message) {
  const date = new Date(message.received_at * 1000);
  const days = Math.round((new Date().setHours(0, 0, 0, 0) - new Date(date).setHours(0, 0, 0, 0)) / 86400000);
  if (days === 0) return page.texts.today;
  return days === 1 ? page.texts.yesterday : date.toLocaleDateString(page.language, { day: "numeric", month: "long" });
}

export function toBottom() {
  state.atBottom = true;
  $("scroll").scrollTop = $("scroll").scrollHeight;
}

export function appendMessage(message) {
  const follows = state.atBottom || !message.from_bot;
  const before = shown(current().chat).at(-2);
  if (!before || day(before) !== day(message)) $("messages").append(make("div", { class: "service day" }, make("span", {}, day(message))));
  $("messages").append(messageElement(message, page));
  $("about").hidden = true;
  if (follows) toBottom();
}

export function redrawMessage(person, message) {
  const old = isOpen(person) && $("messages").querySelector(`[data-id="${message.message_id}"]`);
  if (!old) return;
  const follows = state.atBottom;
  old.replaceWith(still(messageElement(message, page)));
  if (follows) toBottom();
}

export function drawMessages() {
  $("messages").replaceChildren();
  let last = null;
  for (const message of shown(current().chat)) {
    if (day(message) !== last) $("messages").append(make("div", { class: "service day" }, make("span", {}, (last = day(message)))));
    $("messages").append(still(messageElement(message, page)));
  }
  const { description } = current().chat;
  $("about").hidden = last !== null || !description;
  $("about").replaceChildren(make("b", {}, page.texts.whatCanBotDo), make("p", {}, description));
}

export function drawDraft() {
  clearTimeout(timers.draft);
  const person = current();
  const { draft } = person.chat;
  const follows = state.atBottom;
  const growing = draft && $("draft").firstElementChild;
  const element = draft && draftElement(draft, page);
  $("draft").replaceChildren(...(draft ? [growing ? still(element) : element] : []));
  if (draft && follows) toBottom();
  if (draft) timers.draft = setTimeout(() => { person.chat.draft = null; drawDraft(); }, draft.expires_in * 1000);
}

export function drawStatus() {
  clearTimeout(timers.action);
  const person = current();
  const { action } = person.chat;
  $("status").textContent = action ? page.texts[action.action] || action.action : page.texts.bot;
  $("status").classList.toggle("busy", Boolean(action));
  if (action) timers.action = setTimeout(() => { person.chat.action = null; drawStatus(); }, action.expires_in * 1000);
}

// A bot that answers at once should never be called unreachable, so this waits a moment.
export function drawTrouble() {
  clearTimeout(timers.trouble);
  const { undelivered } = current().chat;
  if (!undelivered.size) { $("trouble").hidden = true; return; }
  timers.trouble = setTimeout(() => {
    const { chat } = current();
    const error = [...chat.undelivered.values()].find(Boolean);
    const words = error ? page.texts.unreached(error) : chat.webhook ? "" : page.texts.noWebhook;
    $("trouble").textContent = words;
    $("trouble").hidden = !chat.undelivered.size || !words;
  }, 1500);
}

export function drawComposer() {
  const { chat } = current();
  const fresh = !shown(chat).some((message) => !message.from_bot) && !chat.started;
  $("composer").hidden = chat.blocked || fresh;
  $("big").hidden = !chat.blocked && !fresh;
  $("big").textContent = chat.blocked ? page.texts.unblock : page.texts.start;
  $("menu").hidden = !chat.commands.length;
  $("text").placeholder = chat.reply_keyboard?.input_field_placeholder || page.texts.write;
  $("block").title = chat.blocked ? page.texts.unblockTitle : page.texts.block;
  $("block").setAttribute("aria-label", $("block").title);
  drawKeyboard();
}

export function drawKeyboard() {
  const rows = current().chat.reply_keyboard?.keyboard;
  $("toggle-keyboard").hidden = !rows;
  $("keyboard").hidden = !rows || !state.keyboardOpen || current().chat.blocked;
  $("keyboard").replaceChildren(...(rows || []).map((row) =>
    make("div", {}, ...row.map((button) => make("button", { type: "button", onclick: () => page.say(button.text) }, button.text)))));
}

export function drawWords() {
  document.documentElement.lang = page.language;
  for (const element of document.querySelectorAll("[data-text]")) element.textContent = page.texts[element.dataset.text];
  for (const element of document.querySelectorAll("[data-title]")) {
    element.title = page.texts[element.dataset.title];
    element.setAttribute("aria-label", element.title);
  }
  const name = state.bot.first_name;
  document.title = `${name} · Sandbox`;
  $("bot-name").textContent = name;
  avatar($("bot-avatar"), name, state.bot.id);
}

export function drawAll() {
  const person = current();
  page.language = person?.user.language_code.slice(0, 2) || navigator.language.slice(0, 2);
  page.texts = textsFor(page.language);
  drawWords();
  drawPeople();
  if (!person?.chat) return;
  state.bot = person.chat.bot;
  drawWords();
  drawMessages();
  drawDraft();
  drawStatus();
  drawComposer();
  drawTrouble();
  toBottom();
}
