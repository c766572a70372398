// How does a message look: text with entities, pictures, files, invoices, keyboards?
const WRAPPERS = {
  bold: "strong", italic: "em", underline: "u", strikethrough: "s", code: "code", pre: "pre",
  blockquote: "blockquote", expandable_blockquote: "blockquote",
};

const BLOCKS = ["PRE", "BLOCKQUOTE"];

export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value !== null && value !== undefined && value !== false) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

export function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  use.setAttribute("href", `#icon-${name}`);
  svg.append(use);
  return svg;
}

function wrapper(entity, covered, page) {
  const tag = WRAPPERS[entity.type];
  if (tag) return make(tag);
  if (entity.type === "spoiler") {
    const reveal = (event) => event.currentTarget.classList.add("shown");
    return make("span", { class: "spoiler", tabindex: 0, onclick: reveal, onkeydown: (e) => e.key === "Enter" && reveal(e) });
  }
  if (entity.type === "text_link" || entity.type === "url") {
    const href = entity.url || covered;
    return make("a", { href: /^https?:/.test(href) ? href : null, target: "_blank", rel: "noopener noreferrer" });
  }
  if (entity.type === "bot_command") {
    return make("button", { class: "link", type: "button", onclick: () => page.say(covered) });
  }
  return make("span", { class: ["mention", "hashtag", "email"].includes(entity.type) ? "accent" : null });
}

// Offsets count UTF-16 units, which is how JavaScript strings are indexed.
export function richText(text, entities, page, from = 0, to = text.length) {
  const fragment = document.createDocumentFragment();
  const rest = [...(entities || [])].sort((a, b) => a.offset - b.offset || b.length - a.length);
  let at = from;
  while (rest.length) {
    const entity = rest.shift();
    const end = Math.min(entity.offset + entity.length, to);
    if (entity.offset < at || end <= entity.offset) continue;
    const inside = [];
    while (rest.length && rest[0].offset < end) inside.push(rest.shift());
    fragment.append(text.slice(at, entity.offset));
    const element = wrapper(entity, text.slice(entity.offset, end), page);
    element.append(richText(text, inside, page, entity.offset, end));
    fragment.append(element);
    // a block ends its line by itself
    at = BLOCKS.includes(element.tagName) && text[end] === "\n" ? end + 1 : end;
  }
  fragment.append(text.slice(at, to));
  return fragment;
}

function photo(message, page) {
  const largest = message.photo[message.photo.length - 1];
  const shown = message.photo.find((size) => Math.max(size.width, size.height) >= 640) || largest;
  const image = make("img", { src: page.fileUrl(shown.file_id), width: largest.width, height: largest.height, alt: message.caption || page.texts.photo });
  const button = make("button", { class: message.has_media_spoiler ? "photo hidden" : "photo", type: "button", "aria-label": page.texts.photo });
  button.append(image);
  const width = Math.max(Math.min(largest.width, 420, (420 * largest.width) / largest.height), 120);
  button.style.width = `${width}px`;
  button.addEventListener("click", () => {
    if (button.classList.contains("hidden")) button.classList.remove("hidden");
    else page.showPhoto(page.fileUrl(largest.file_id));
  });
  return button;
}

function fileSize(bytes) {
  return bytes < 1024 * 1024 ? `${Math.max(1, Math.round(bytes / 1024))} KB` : `${(bytes / 1024 / 1024).toFixed(1)} MB`;
}

function documentRow(file, page) {
  const link = make("a", { class: "document", href: page.fileUrl(file.file_id), download: file.file_name || "" });
  const words = make("span", {}, make("b", {}, file.file_name || page.texts.file), make("small", {}, fileSize(file.file_size)));
  link.append(make("i", {}, icon("file")), words);
  return link;
}

function invoice(bill, page) {
  return make("div", { class: "invoice" },
    make("small", {}, page.texts.invoice), make("b", {}, bill.title), make("p", {}, bill.description),
    make("span", { class: "price" }, `★ ${bill.total_amount}`));
}

function quote(message, page) {
  const original = message.reply_to_message;
  if (!original) return null;
  const author = original.from.is_bot ? original.from.first_name : page.texts.you;
  const text = original.text || original.caption || (original.photo ? page.texts.photo : page.texts.file);
  return make("div", { class: "quote" }, make("b", {}, author), make("span", {}, text));
}

function footer(message, page) {
  const time = new Date(message.received_at * 1000);
  const line = make("span", { class: "meta", title: time.toISOString() });
  if (message.edited_at && message.revisions.some((old) => old.text !== message.text || old.caption !== message.caption)) {
    line.append(`${page.texts.edited} `);
  }
  line.append(time.toLocaleTimeString(page.language, { hour: "2-digit", minute: "2-digit" }));
  if (!message.from_bot && message.update_state) {
    const sign = { pending: "✓", delivered: "✓✓" }[message.update_state] || "✗";
    line.append(make("span", { class: `ticks ${message.update_state}`, title: message.update_state }, sign));
  }
  return line;
}

export function inlineKeyboard(message, page) {
  const rows = message.reply_markup?.inline_keyboard;
  if (!rows) return null;
  const lines = rows.map((row) => make("div", {}, ...row.map((button) => inlineButton(message, button, page))));
  return make("div", { class: "inline" }, ...lines);
}

// Telegram shows its own star in place of the sign and of the currency.
function starred(button) {
  return button.pay ? button.text.replace(/⭐\uFE0F?|XTR/g, "★ ") : button.text;
}

function inlineButton(message, button, page) {
  const style = button.style ? `style-${button.style}` : null;
  if (button.url && /^https?:/.test(button.url)) {
    return make("a", { class: style, href: button.url, target: "_blank", rel: "noopener noreferrer" }, `${button.text} ↗`);
  }
  const act = (event) => page.pressInline(message, button, event.currentTarget);
  return make("button", { class: style, type: "button", disabled: Boolean(button.disabled), onclick: act }, starred(button));
}

function serviceMessage(message, page) {
  const payment = message.successful_payment || message.refunded_payment;
  if (!payment) return null;
  const words = message.successful_payment ? page.texts.paid : page.texts.refunded;
  return make("div", { class: "service", "data-id": message.message_id }, make("span", {}, words(payment.total_amount)));
}

function ownEditButton(message, page) {
  if (message.from_bot || !message.text) return null;
  return make("button", { class: "icon edit", type: "button", title: page.texts.edit, "aria-label": page.texts.edit, onclick: () => page.startEditing(message) }, icon("edit"));
}

export function messageElement(message, page) {
  const service = serviceMessage(message, page);
  if (service) return service;
  const bubble = make("div", { class: message.photo ? "bubble media" : "bubble" }, quote(message, page));
  const caption = message.text ?? message.caption;
  const words = caption ? make("div", { class: "text" }, richText(caption, message.entities || message.caption_entities, page)) : null;
  const media = message.photo ? photo(message, page) : message.document ? documentRow(message.document, page) : null;
  const above = message.show_caption_above_media;
  bubble.append(...[above ? words : media, above ? media : words].filter(Boolean));
  if (message.invoice) bubble.append(invoice(message.invoice, page));
  bubble.append(footer(message, page));
  const column = make("div", { class: "column" }, bubble, inlineKeyboard(message, page));
  const side = message.from_bot ? "from-bot" : "from-user";
  return make("article", { class: `message ${side}`, "data-id": message.message_id }, ownEditButton(message, page), column);
}

export function draftElement(draft, page) {
  const text = make("div", { class: "text" });
  if (draft.text) text.append(richText(draft.text, draft.entities, page));
  else text.append(make("i", { class: "thinking" }, page.texts.thinking));
  const bubble = make("div", { class: "bubble live" }, text);
  const column = make("div", { class: "column" }, bubble);
  if (draft.can_stop) {
    const stop = () => page.stopDraft(draft.draft_id);
    column.append(make("div", { class: "inline" }, make("div", {}, make("button", { type: "button", onclick: stop }, icon("stop"), page.texts.stop))));
  }
  return make("article", { class: "message from-bot" }, column);
}
