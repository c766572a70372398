// What does the page know, and how does it ask the sandbox?
import { textsFor } from "./texts.js";

export const $ = (id) => document.getElementById(id);
export const start = JSON.parse($("start").textContent);
// Events that come before the chat has been read wait in `early`.
export const newcomer = (user) => ({ user, chat: null, unread: 0, early: [] });
export const people = new Map(start.users.map((user) => [user.id, newcomer(user)]));
export const state = { bot: start.bot, current: null, editing: null, picked: -1, keyboardOpen: true, atBottom: true };
export const timers = {};

// What a bubble may need: words, addresses and what its buttons do (page.js adds those).
export const page = {
  texts: textsFor(navigator.language), language: navigator.language.slice(0, 2),
  fileUrl: (id) => `/sandbox/files/${encodeURIComponent(id)}?bot_id=${state.bot.id}`,
};

export const current = () => people.get(state.current);
export const isOpen = (person) => person.user.id === state.current;

export async function request(path, options = {}) {
  const answer = await fetch(path, options);
  const body = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Error(typeof body.detail === "string" ? body.detail : `${answer.status} ${answer.statusText}`);
  return body;
}

export async function act(what, body, { method = "POST", wait = 0 } = {}) {
  const path = `/sandbox/users/${state.current}/${what}?bot_id=${state.bot.id}&wait=${wait}`;
  const form = body instanceof FormData;
  const options = { method, body: form ? body : JSON.stringify(body), headers: form ? {} : { "Content-Type": "application/json" } };
  try {
    return await request(path, options);
  } catch (problem) {
    toast(problem.message);
    return null;
  }
}

// A snapshot that was overtaken by events on its way here only tells what no event carries.
export async function load(userId) {
  const chat = await request(`/sandbox/users/${userId}/chat?bot_id=${state.bot.id}`);
  const person = people.get(userId);
  if (person.chat && person.chat.seq > chat.seq) {
    const { bot, commands, description, short_description, webhook } = chat;
    Object.assign(person.chat, { bot, commands, description, short_description, webhook });
    return;
  }
  chat.messages = new Map(chat.messages.map((message) => [message.message_id, message]));
  chat.undelivered = new Map(chat.undelivered.map((update) => [update.update_id, update.error]));
  person.chat = chat;
  for (const event of person.early.splice(0)) page.receive(event);
}

export function toast(text, milliseconds = 3500) {
  $("toast").textContent = text;
  $("toast").hidden = false;
  clearTimeout(timers.toast);
  timers.toast = setTimeout(() => { $("toast").hidden = true; }, milliseconds);
}

export function ask(question, agree) {
  const dialog = $("ask");
  dialog.querySelector("p").textContent = question;
  dialog.querySelector(".primary").textContent = agree;
  dialog.classList.toggle("only", agree === "OK");
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve) => dialog.addEventListener("close", () => resolve(dialog.returnValue === "ok"), { once: true }));
}
