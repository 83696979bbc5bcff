// The page of the gallery. Each upload is a card. Events of the server change cards, and actions of the user become requests.
//
// File names are not trusted: the document gets them only as text, and the server only as encoded parameters.

const byId = (id) => document.getElementById(id);
const list = byId("uploads");

/** The number of uploads that are sent at once. A browser opens six connections to a host, and needs some for events and pictures. */
const AT_ONCE = 3;
/** S3's limit for keys, in bytes. */
const LONGEST_KEY = 1024;

/** Why an upload has no thumbnails, by reason code. */
const REASONS = {
  "unsupported-format": "This is no image of a kind that thumbnails are made of.",
  "corrupt": "The file is damaged.",
  "truncated": "The file ends too early: a part of the picture is missing.",
  "too-large": "The file is larger than the functions allow.",
  "too-many-pixels": "The picture has more pixels than the functions allow.",
  "needs-more-memory": "Decoding this picture needs more memory than the function has.",
  "metadata-too-large": "The metadata of the picture, such as its colour profile, is too large.",
  "too-complex": "The file has more parts than a real picture would have.",
  "archived": "The file is archived, and must be restored before it can be read.",
  "decoder-panic": "This file causes an error in the program, which did no harm. Please report it with the file.",
  "panic": "This file causes an error in the program, which did no harm. Please report it with the file.",
  "encode-failed": "This file causes an error in the program, which did no harm. Please report it with the file.",
  "key-too-long": "The name is so long that the names of its thumbnails would be too long.",
  "thumbnail-too-large": "A thumbnail would be larger than its format allows.",
  "excluded": "The settings exclude files with this name.",
  "undecodable-key": "The name cannot be decoded.",
};

const GENERAL = {
  rejected: "No thumbnails can be made of this file.",
  refused: "The function does not accept this name.",
  skipped: "No thumbnails are made of files with this name.",
  failed: "The function failed in every attempt.",
};

/** @type {Map<string, Card>} cards by key */
const cards = new Map();
let prefix = "";
let bucket = "";
let next = null;

// ---- Small helpers

function make(tag, properties, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

const query = (parameters) => new URLSearchParams(parameters).toString().replaceAll("+", "%20");
const objectUrl = (bucket, key, version) => `object?${query({ bucket, key, v: version })}`;

const bytes = (count) => count < 1e3 ? `${count} B` : count < 1e6 ? `${(count / 1e3).toFixed(1)} kB` : `${(count / 1e6).toFixed(1)} MB`;
const pixels = ({ width, height }) => `${width} × ${height}`;
const milliseconds = (time) => `${time < 10 ? time.toFixed(1) : Math.round(time)} ms`;
const clock = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });

/** Makes a screen reader say a text. Many texts at once are replaced by their numbers. */
let unsaid = [];
function announce(text, kind) {
  unsaid.push({ text, kind });
  if (unsaid.length > 1) return;
  setTimeout(() => {
    const kinds = [...new Set(unsaid.map((one) => one.kind))];
    const counted = kinds.map((kind) => `${unsaid.filter((one) => one.kind === kind).length} ${kind}`);
    byId("announcer").textContent = (unsaid.length > 3 ? counted : unsaid.map((one) => one.text)).join(". ");
    unsaid = [];
  }, 700);
}

// ---- One upload

class Card {
  /** The upload as the server describes it; null until the server has received it. */
  upload = null;
  /** The file that is being sent, or null. */
  job = null;

  constructor(key) {
    this.key = key;
    this.name = key.slice(prefix.length);
    this.element = byId("upload").content.firstElementChild.cloneNode(true);
    this.part = (selector) => this.element.querySelector(selector);
    this.part(".name").textContent = this.name;
    for (const button of this.element.querySelectorAll("button")) {
      button.addEventListener("click", () => this[button.dataset.do]());
    }
  }

  update(upload) {
    this.upload = upload;
    this.isAgain = false;
    this.show();
  }

  /** Announces the result. */
  tell() {
    const { result, state } = this.upload;
    if (state === "made") announce(`${this.name}: ${result.thumbnails.length} thumbnails`, "uploads have thumbnails");
    else if (result) announce(`${this.name}: ${this.reason()}`, "uploads have none");
  }

  reason() {
    const { result, state } = this.upload;
    return REASONS[result?.reason] ?? GENERAL[state] ?? "There are no thumbnails.";
  }

  /** Updates the card. The buttons stay in place, so that none loses the focus. */
  show() {
    const { upload, job } = this;
    const result = upload?.result;
    const source = result?.source;
    const size = job ? job.file.size : upload.bytes;
    const facts = [source?.width ? pixels(source) : "", source?.format?.toUpperCase(), bytes(size)];
    this.part(".facts").textContent = (job ? facts.slice(2) : facts).filter(Boolean).join(" · ");
    const time = new Date(upload?.modified ?? Date.now());
    Object.assign(this.part("time"), { dateTime: time.toISOString(), textContent: clock.format(time) });
    const isMade = !job && !this.isAgain && upload.state === "made";
    this.part(".times").replaceChildren(...(isMade ? stages(result.milliseconds) : []));
    this.part(".outcome").replaceChildren(...this.outcome(isMade));
    this.buttons(isMade);
  }

  buttons(isMade) {
    const { upload, job } = this;
    const again = job?.error ? "Try again" : "Make thumbnails";
    const isStuck = job ? job.error : !this.isAgain && ["unknown", "failed"].includes(upload.state);
    const shown = { compare: isMade, again: isStuck, replace: !job || job.error, delete: !job || job.error };
    for (const button of this.element.querySelectorAll("button[data-do]")) {
      const action = button.dataset.do;
      button.hidden = !shown[action];
      if (action === "again") button.textContent = again;
      button.setAttribute("aria-label", `${button.textContent}: ${this.name}`);
    }
  }

  outcome(isMade) {
    const { upload, job } = this;
    if (job?.error) return note("failed", "The upload did not arrive.", job.error);
    if (job) {
      const share = job.sent / Math.max(job.file.size, 1);
      return job.isSent ? progress(this.name, "Uploaded") : progress(this.name, job.request ? "Uploading" : "Waiting for its turn", share);
    }
    if (this.isAgain || upload.state === "working") return progress(this.name, "Making thumbnails");
    if (isMade) return this.thumbnails();
    if (upload.state === "unknown") {
      return note("unknown", "The result of this upload is not known.", "It was written while the gallery was not running.");
    }
    const { reason, message } = upload.result;
    return note(upload.state, this.reason(), message, reason);
  }

  thumbnails() {
    const { result, finished } = this.upload;
    return result.thumbnails.map((thumbnail, at) => {
      const { width, height, format, key, bucket } = thumbnail;
      const image = make("img", { width, height, alt: "", src: objectUrl(bucket, key, finished) });
      const button = make("button", { type: "button", className: "picture" }, image);
      button.setAttribute("aria-label", `${this.name} at size ${thumbnail.size}: compare with the original`);
      button.addEventListener("click", () => this.compare(at));
      const size = make("strong", { textContent: thumbnail.size });
      const facts = [pixels(thumbnail), `${format.toUpperCase()} · ${bytes(thumbnail.bytes)}`];
      const caption = make("figcaption", {}, size, ...facts.map((textContent) => make("span", { textContent })));
      return make("figure", {}, button, caption);
    });
  }

  // The buttons.

  compare(at = this.upload.result.thumbnails.length - 1) {
    openComparison(this, at);
  }

  async again() {
    if (this.job) return send(this.key, this.job.file);
    this.isAgain = true;
    this.show();
    this.isAgain = await ask("POST", { key: this.key });
    this.show();
  }

  replace() {
    const input = byId("replacement");
    input.onchange = () => {
      if (input.files[0]) send(this.key, input.files[0]);
      input.value = "";
    };
    input.click();
  }

  delete() {
    if (!this.upload) return this.remove();
    byId("confirm-title").textContent = `Delete ${this.name}?`;
    byId("confirmed").onclick = async () => {
      byId("confirm").close();
      await ask("DELETE", { key: this.key });
    };
    byId("confirm").showModal();
  }

  remove() {
    const hadFocus = this.element.contains(document.activeElement);
    const neighbour = this.element.nextElementSibling ?? this.element.previousElementSibling;
    this.element.remove();
    cards.delete(this.key);
    if (hadFocus) (neighbour?.querySelector(".name") ?? byId("choose")).focus();
    byId("empty").hidden = cards.size > 0;
  }
}

function stages({ download, decode, make: pixelWork, upload, total }) {
  const rows = { download, decode, "resize, encode": Math.max(pixelWork - decode, 0), upload, total };
  return Object.entries(rows).map(([name, time]) => {
    const bar = make("span", { className: "bar" });
    bar.style.inlineSize = `${Math.min((100 * time) / Math.max(total, 0.1), 100)}%`;
    const value = make("dd", {}, make("span", { textContent: milliseconds(time) }), bar);
    return make("div", {}, make("dt", { textContent: name }), value);
  });
}

function note(kind, sentence, detail, code) {
  const more = make("p", { className: "detail" });
  if (code) more.append(make("code", { textContent: code }), " ");
  more.append(detail ?? "");
  const element = make("div", { className: "note" }, make("p", { textContent: sentence }), more);
  element.dataset.kind = kind;
  return [element];
}

function progress(name, what, share) {
  const bar = make("progress", { max: 1 });
  if (share !== undefined) bar.value = share;
  bar.setAttribute("aria-label", `${what}: ${name}`);
  const told = share > 0 ? `${what}, ${Math.floor(100 * share)} %` : `${what} …`;
  return [make("div", { className: "progress" }, make("p", { textContent: told }), bar)];
}

// ---- Sending

const waiting = [];
const sending = new Set();

/** Sends a file to a key, which replaces an earlier upload with this key. */
function send(key, file) {
  const card = cards.get(key) ?? place(new Card(key), Date.now());
  // A file that is waiting to be sent to the same key is outdated.
  const outdated = waiting.findIndex((job) => job.card.key === key);
  if (outdated >= 0) waiting.splice(outdated, 1);
  const job = { card, file, sent: 0, request: null, isSent: false, error: "" };
  if (new TextEncoder().encode(key).length > LONGEST_KEY) job.error = "The name is too long.";
  else waiting.push(job);
  if (!sending.has(key)) card.job = job;
  card.show();
  pump();
}

/** Begins to send waiting files: at most AT_ONCE at once, and one for each key, so that the last one wins. */
function pump() {
  while (sending.size < AT_ONCE) {
    const at = waiting.findIndex((job) => !sending.has(job.card.key));
    if (at < 0) return;
    begin(waiting.splice(at, 1)[0]);
  }
}

function begin(job) {
  const { card, file } = job;
  // fetch() does not report the progress of an upload.
  const request = new XMLHttpRequest();
  const over = (error) => {
    sending.delete(card.key);
    job.error = error;
    const following = waiting.find((other) => other.card.key === card.key);
    card.job = following ?? (error ? job : null);
    if (error) announce(`${card.name}: the upload did not arrive`, "uploads did not arrive");
    // The event about the new upload may arrive later.
    if (!card.job && !card.upload) card.upload = { state: "working", bytes: file.size, modified: Date.now() };
    card.show();
    pump();
  };
  request.upload.onprogress = ({ loaded }) => { job.sent = loaded; card.show(); };
  request.upload.onload = () => { job.isSent = true; card.show(); };
  request.onload = () => over(request.status < 300 ? "" : request.responseText);
  request.onerror = () => over("The file could not be read, or the gallery does not answer.");
  job.request = request;
  card.job = job;
  sending.add(card.key);
  card.show();
  request.open("PUT", `uploads?${query({ name: card.name })}`);
  request.setRequestHeader("Content-Type", file.type || "application/octet-stream");
  request.send(file);
}

/** Requests a change. Returns whether it is accepted. */
async function ask(method, parameters) {
  const response = await fetch(`uploads?${query(parameters)}`, { method }).catch(() => null);
  byId("trouble").textContent = response?.ok ? "" : (await response?.text()) ?? "The gallery does not answer.";
  return Boolean(response?.ok);
}

// ---- The list

/** Inserts a new card before the first older one. An overwritten upload keeps its place until the page is loaded again. */
function place(card, modified) {
  const older = [...list.children].find((element) => Number(element.dataset.modified) < modified);
  list.insertBefore(card.element, older ?? null);
  card.element.dataset.modified = modified;
  cards.set(card.key, card);
  byId("empty").hidden = true;
  return card;
}

/** Shows the state of one upload, as the server describes it. */
function take(upload) {
  let card = cards.get(upload.key);
  if (upload.state === "gone") {
    if (!card) return;
    announce(`${card.name}: deleted`, "uploads deleted");
    if (card.job) card.upload = null;
    else card.remove();
    return;
  }
  const isOnLaterPage = next && upload.modified < Number(list.lastElementChild?.dataset.modified ?? Infinity);
  if (!card && isOnLaterPage) return;
  card ??= place(new Card(upload.key), upload.modified);
  card.update(upload);
  card.tell();
}

/** The number of lists that are being loaded. Events wait meanwhile, because they are newer than the list. */
let asking = 0;
let late = [];

/** Shows the newest uploads, or those after `after`. */
async function load(after) {
  asking += 1;
  const response = await fetch(`uploads?${query(after ? { after } : {})}`).catch(() => null);
  const page = response?.ok ? await response.json().catch(() => null) : null;
  asking -= 1;
  if (page) show(page, !after);
  if (!asking) late.splice(0).forEach(take);
}

function show(page, isFirst) {
  ({ prefix, bucket, next } = page);
  byId("bucket").textContent = `s3://${bucket}/${prefix}`;
  const keys = new Set(page.uploads.map((upload) => upload.key));
  for (const card of isFirst ? [...cards.values()] : []) {
    if (!keys.has(card.key) && !card.job) card.remove();
  }
  for (const upload of page.uploads) {
    (cards.get(upload.key) ?? place(new Card(upload.key), upload.modified)).update(upload);
  }
  byId("older").hidden = !next;
  byId("empty").hidden = cards.size > 0;
  ready();
}

/** Uploads wait for the first list, which contains their prefix. */
let ready;
const loaded = new Promise((resolve) => { ready = resolve; });

function live(state) {
  Object.assign(byId("live"), { textContent: state }).dataset.state = state;
}

const events = new EventSource("events");
events.onopen = () => { live("live"); load(); };
events.onmessage = ({ data }) => (asking ? late.push(JSON.parse(data)) : take(JSON.parse(data)));
events.addEventListener("reload", () => load());
events.onerror = () => {
  const isOver = events.readyState === EventSource.CLOSED;
  live(isOver ? "not live" : "reconnecting");
  if (isOver) load();
};
byId("older").onclick = () => load(next);

// ---- Dropping, choosing and pasting

async function add(name, file) {
  await loaded;
  send(prefix + name, file);
}

/** Adds a file that was dropped, or all files in a folder. */
async function walk(entry) {
  if (entry instanceof File) return add(entry.name, entry);
  if (entry.isFile) return entry.file((file) => add(entry.fullPath.slice(1), file));
  const reader = entry.createReader();
  // A call returns at most a hundred entries.
  const read = () => reader.readEntries((some) => { some.forEach(walk); if (some.length) read(); });
  read();
}

byId("choose").onclick = () => byId("files").click();
byId("files").onchange = ({ target }) => {
  for (const file of target.files) add(file.name, file);
  target.value = "";
};
const dragging = (event, is) => {
  if (!event.dataTransfer?.types.includes("Files")) return;
  event.preventDefault();
  document.body.classList.toggle("dragging", is);
};
addEventListener("dragover", (event) => dragging(event, true));
addEventListener("dragleave", (event) => dragging(event, event.relatedTarget !== null));
addEventListener("drop", (event) => {
  dragging(event, false);
  for (const item of event.dataTransfer.items) {
    const entry = item.kind === "file" ? item.webkitGetAsEntry?.() ?? item.getAsFile() : null;
    if (entry) walk(entry);
  }
});
addEventListener("paste", ({ clipboardData }) => {
  const time = new Date().toISOString().slice(0, 23).replace("T", " ").replaceAll(":", ".");
  [...clipboardData.files].forEach((file, at) => {
    // Browsers give copied pixels the name image.png.
    add(file.name === "image.png" ? `pasted ${time}${at ? ` ${at}` : ""}.png` : file.name, file);
  });
});

// ---- Dialogs

for (const button of document.querySelectorAll("[data-close]")) {
  button.addEventListener("click", () => button.closest("dialog").close());
}

const frames = [...document.querySelectorAll(".frame")];
for (const [at, frame] of frames.entries()) {
  const { 0: other } = frames.toSpliced(at, 1);
  frame.addEventListener("scroll", () => other.scrollTo(frame.scrollLeft, frame.scrollTop));
}

/** Shows the original beside one of its thumbnails, both at the thumbnail's size. */
function openComparison(card, at) {
  const { key, etag, result, finished } = card.upload;
  const [original, thumbnail] = [byId("original"), byId("thumbnail")];
  byId("compare-title").textContent = card.name;
  byId("undisplayable").hidden = true;
  original.onerror = () => { byId("undisplayable").hidden = false; };
  original.src = objectUrl(bucket, key, etag);
  const draw = () => {
    const shown = result.thumbnails[Number(document.querySelector("[name=size]:checked").value)];
    const zoom = Number(document.querySelector("[name=zoom]:checked").value);
    thumbnail.src = objectUrl(shown.bucket, shown.key, finished);
    for (const image of [original, thumbnail]) {
      Object.assign(image.style, { inlineSize: `${shown.width * zoom}px`, blockSize: `${shown.height * zoom}px` });
    }
    byId("original-caption").textContent = `Original, ${pixels(result.source)}, ${bytes(result.source.bytes)}`;
    byId("thumbnail-caption").textContent = `Thumbnail, ${pixels(shown)}, ${bytes(shown.bytes)}`;
  };
  const sizes = result.thumbnails.map((thumbnail, index) => {
    const radio = make("input", { type: "radio", name: "size", value: index, checked: index === at });
    return make("label", {}, radio, make("span", { textContent: thumbnail.size }));
  });
  byId("sizes").replaceChildren(byId("sizes").firstElementChild, ...sizes);
  byId("compare").onchange = draw;
  draw();
  byId("compare").showModal();
}
