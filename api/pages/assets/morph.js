// What the server has drawn anew takes the place of what is shown. What stays the same is left as it is: pictures that
// are loaded, what has the focus, what was opened. Parts with a `data-key` are found again wherever they stand.
const keyOf = (node) => node.dataset?.key;

export function morph(shown, words) {
  // in a document of its own, which loads and runs nothing
  children(shown, new DOMParser().parseFromString(words, "text/html").body);
}

function children(shown, wanted) {
  const keyed = new Map([...shown.children].filter(keyOf).map((each) => [keyOf(each), each]));
  let place = shown.firstChild;
  for (const next of [...wanted.childNodes]) {
    const known = keyOf(next) ? keyed.get(keyOf(next)) : place;
    if (!known || known.nodeName !== next.nodeName || keyOf(known) !== keyOf(next)) {
      shown.insertBefore(next, place);
      continue;
    }
    if (known === place) place = place.nextSibling;
    else shown.insertBefore(known, place);
    if (known.nodeType === Node.TEXT_NODE) {
      if (known.data !== next.data) known.data = next.data;
    } else {
      attributes(known, next);
      children(known, next);
    }
  }
  while (place) {
    const rest = place.nextSibling;
    place.remove();
    place = rest;
  }
}

function attributes(shown, wanted) {
  const kept = keptIn(shown, wanted);
  for (const { name } of [...shown.attributes]) {
    if (!wanted.hasAttribute(name) && name !== kept) shown.removeAttribute(name);
  }
  for (const { name, value } of [...wanted.attributes]) {
    if (name !== kept && shown.getAttribute(name) !== value) shown.setAttribute(name, value);
  }
}

function keptIn(shown, wanted) {
  if (shown.nodeName === "DETAILS") return "open";
  // a link that was signed anew leads to the same picture
  return shown.nodeName === "IMG" && shown.dataset.media === wanted.dataset.media ? "src" : null;
}
