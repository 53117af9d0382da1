// The chat page. Everything that people or cards say is set as text, never as markup.
const $ = (id) => document.getElementById(id);
const query = new URLSearchParams(location.search);
const me = query.get("as") ?? "";
const who = `as=${encodeURIComponent(me)}`;
const newId = () => crypto.randomUUID?.() ?? Array.from(crypto.getRandomValues(new Uint8Array(16)), (b) => b.toString(16).padStart(2, "0")).join("");
const EXAMPLES = {
  en: ["Creekfront: the AC drips on the bedroom floor, guest is upset", "/tickets"],
  "zh-TW": ["Ben,Warm Taipei 主臥冷氣在漏水,水滴到插座旁邊,客人在生氣,要找誰?", "/tickets"],
  ja: ["伊東の家、洗面台の配管から水漏れしています", "/tickets"],
  id: ["Wastafel di vila Bali mampet, tamu komplain", "/tickets"],
  es: ["La cabaña: el aire gotea sobre el enchufe", "/tickets"],
};

let texts = {};
let zone = "UTC";
let language = "en";

function make(tag, props = {}, ...children) {
  const node = document.createElement(tag);
  for (const [key, value] of Object.entries(props)) {
    if (key === "class") node.className = value;
    else if (key === "data") Object.assign(node.dataset, value);
    else if (key.startsWith("aria-") || key === "role") node.setAttribute(key, value);
    else node[key] = value;
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

async function begin() {
  const wanted = navigator.language.startsWith("zh") ? "zh-TW" : navigator.language.slice(0, 2);
  let start;
  try {
    start = await (await fetch(`/api/start?${who}&lang=${wanted}`)).json();
  } catch {
    setTimeout(begin, 1500);
    return;
  }
  ({ texts, timezone: zone, language } = start);
  document.documentElement.lang = language;
  if (!start.demo) {
    $("picker").hidden = false;
    $("picker-title").textContent = start.company;
    $("picker-hint").textContent = texts.not_demo;
  } else if (!start.me && !me) showPicker(start);
  else showChat(start);
}

function showPicker(start) {
  $("picker").hidden = false;
  $("picker-title").textContent = texts.pick;
  $("picker-hint").textContent = `${start.company} · ${texts.pick_hint}`;
  for (const person of start.people) {
    const about = [texts[person.role], person.languages.join("/"), person.places.join(", ")].filter(Boolean).join(" · ");
    $("people").append(make("li", {}, make("a", { href: `/?as=${person.id}` },
      make("span", { class: "face", "aria-hidden": "true", textContent: person.name[0] }),
      make("span", {}, make("strong", { textContent: person.name }), make("span", { class: "soft", textContent: about })))));
  }
}

function showChat(start) {
  const person = start.people.find((one) => one.id === start.me) ?? { name: me, role: "", places: [] };
  $("chat").hidden = false;
  document.title = `${person.name} · LoopOS`;
  $("face").textContent = person.name[0];
  $("me-name").textContent = person.name;
  $("me-about").textContent = [texts[person.role], start.company].filter(Boolean).join(" · ");
  $("switch").textContent = texts.switch;
  $("text").placeholder = texts.placeholder;
  $("text").setAttribute("aria-label", texts.placeholder);
  $("send").setAttribute("aria-label", texts.send);
  $("record").setAttribute("aria-label", texts.record);
  $("photo-label").setAttribute("aria-label", texts.photo);
  $("reply-stop").setAttribute("aria-label", texts.remove);
  $("jump").textContent = texts.new_message;
  if (matchMedia("(pointer: fine)").matches) $("text").focus({ preventScroll: true });
  listen();
  flush();
}

// --- what comes in ------------------------------------------------------------------------------------

const shown = new Map(); // message id -> {node, position, text}
let seen = 0;
let caughtUp = false;

function listen() {
  say(texts.connecting);
  const source = new EventSource(`/api/stream?${who}&after=${seen}`);
  source.onopen = () => { say(""); flush(); };
  source.onmessage = (event) => {
    seen = Math.max(seen, Number(event.lastEventId));
    show(JSON.parse(event.data));
  };
  source.addEventListener("caught_up", () => {
    say("");
    if (caughtUp) return;
    caughtUp = true;
    emptyState();
    toEnd();
  });
  source.onerror = () => {
    say(texts.offline);
    // The browser reconnects by itself with the last id it saw, except after an HTTP error.
    if (source.readyState === EventSource.CLOSED) setTimeout(listen, 1500);
  };
}

function say(text) {
  $("connection").textContent = text;
  $("connection").hidden = !text;
}

function show(message) {
  $("log").querySelector(".empty")?.remove();
  const nearEnd = atEnd();
  const key = message.client_id ?? message.id;
  const old = shown.get(key);
  const node = draw(message);
  if (old && !old.pending) {
    keepState(old.node, node);
    node.dataset.position = message.position;
    old.node.replaceWith(node);
  } else {
    old?.node.remove();
    place(node, message.position);
  }
  shown.set(key, { node, position: message.position });
  if (message.author === "loopos") working(false);
  else if (!old || old.pending) { drop(key); if (message.author === me && caughtUp && !old?.answered) working(true); }
  if (nearEnd || message.author === me) toEnd();
  else if (!old) $("jump").hidden = false;
}

function keepState(old, fresh) {
  const open = [...old.querySelectorAll("details")].map((one) => one.open);
  fresh.querySelectorAll("details").forEach((one, index) => { one.open = open[index] ?? one.open; });
  // Focus follows the card when it is drawn anew under a keyboard.
  if (old.contains(document.activeElement)) requestAnimationFrame(() => (fresh.querySelector("button") ?? $("text")).focus({ preventScroll: true }));
}

function place(node, position) {
  node.dataset.position = position;
  const later = [...$("log").children].find((other) => Number(other.dataset.position ?? Infinity) > position);
  $("log").insertBefore(node, later ?? null);
}

const atEnd = () => $("log").scrollHeight - $("log").scrollTop - $("log").clientHeight < 120;
const toEnd = () => requestAnimationFrame(() => { $("log").scrollTop = $("log").scrollHeight; $("jump").hidden = true; });
$("jump").onclick = toEnd;
$("log").addEventListener("scroll", () => { if (atEnd()) $("jump").hidden = true; });

function working(on) {
  $("log").querySelector(".working")?.remove();
  if (on) $("log").append(make("p", { class: "working", textContent: texts.working, data: { position: "Infinity" } }));
}

function emptyState() {
  if (shown.size || $("log").children.length) return;
  $("log").append(make("div", { class: "empty" }, make("p", { textContent: texts.empty }), make("p", { textContent: texts.examples }),
    ...(EXAMPLES[language] ?? EXAMPLES.en).map((text) => make("button", { type: "button", textContent: text, onclick: () => { $("text").value = text; grow(); $("text").focus(); } }))));
}

// --- drawing ------------------------------------------------------------------------------------------

function clock(iso) {
  const moment = new Date(iso);
  const today = new Date().toDateString() === moment.toDateString();
  return new Intl.DateTimeFormat(language, { timeZone: zone, hour: "2-digit", minute: "2-digit", hour12: false, ...(today ? {} : { day: "numeric", month: "short" }) }).format(moment);
}

function draw(message) {
  const own = message.author !== "loopos";
  const node = make("article", { class: `message${own ? " own" : ""}${message.quiet ? " quiet" : ""}`, data: { id: message.id } });
  node.setAttribute("aria-label", own ? texts.you : "LoopOS");
  if (message.type === "card") node.append(drawCard(message));
  else {
    for (const file of message.files ?? []) node.append(media(file));
    if (message.text) node.append(...bubble(message.text));
  }
  node.append(make("span", { class: "stamp", textContent: message.state ?? (own ? `${clock(message.at)} ✓` : clock(message.at)), title: message.state ? "" : texts.kept }));
  return node;
}

function bubble(text) {
  const body = make("div", { class: "bubble", dir: "auto", textContent: text });
  if (text.length < 900) return [body];
  body.classList.add("long");
  const more = make("button", { class: "more", type: "button", textContent: texts.more, onclick: () => { body.classList.remove("long"); more.remove(); } });
  return [body, more];
}

const address = (file) => `/api/media/${file.sha256}?${who}&${new URLSearchParams({ type: file.media_type, name: file.name ?? "file" })}`;

// A picture, a recording or a document. `file`: {sha256, media_type, name?, alt?, bytes?}
function media(file) {
  if (file.media_type.startsWith("audio/")) return player(file);
  if (file.media_type.startsWith("image/")) return picture(file);
  const about = [file.media_type.split("/")[1].toUpperCase(), size(file.bytes)].filter(Boolean).join(" · ");
  return make("a", { class: "document", href: address(file), download: file.name },
    make("span", { class: "face", "aria-hidden": "true", textContent: "⬇" }),
    make("span", {}, make("strong", { textContent: file.name }), make("span", { class: "soft", textContent: `${texts.save} · ${about}` })));
}

const size = (bytes) => bytes && new Intl.NumberFormat(language, { style: "unit", unit: "kilobyte", maximumFractionDigits: 0 }).format(Math.max(1, bytes / 1000));

// Nothing is fetched before somebody wants to hear it.
function player(file) {
  const audio = make("audio", { class: "media", controls: true, preload: "none", src: address(file), "aria-label": file.name ?? texts.voice });
  const box = make("div", { class: "player" }, audio);
  audio.onerror = () => { box.querySelector("a") ?? box.append(make("a", { class: "button", href: address(file), download: file.name ?? "", textContent: `${texts.not_shown} ${texts.save}` })); };
  return box;
}

// Its place is held while it loads; where it does not, what it shows is said in words.
function picture(file) {
  const alt = file.alt || texts.file;
  const image = make("img", { alt, loading: "lazy", decoding: "async" });
  const frame = make("button", { class: "picture loading", type: "button", "aria-label": `${alt} – ${texts.enlarge}`, onclick: () => enlarge(file, alt) }, image);
  image.onload = () => { const end = atEnd(); frame.classList.remove("loading"); if (end) toEnd(); };
  image.onerror = () => {
    const again = make("button", { class: "button", type: "button", textContent: texts.again, onclick: () => failed.replaceWith(picture(file)) });
    const save = make("a", { class: "button", href: address(file), download: file.name ?? "", textContent: texts.save });
    const failed = make("div", { class: "not-shown", role: "status" }, make("p", { textContent: `${texts.not_shown} ${file.alt ?? ""}` }), make("div", { class: "buttons" }, again, save));
    frame.replaceWith(failed);
  };
  image.src = address(file);
  return frame;
}

function enlarge(file, alt) {
  $("viewer-picture").alt = alt;
  $("viewer-picture").src = address(file);
  Object.assign($("viewer-save"), { href: address(file), download: file.name ?? "", textContent: texts.save });
  $("viewer-close").textContent = texts.close;
  $("viewer").setAttribute("aria-label", alt);
  $("viewer").showModal();
}
$("viewer").onclick = (event) => { if (event.target !== $("viewer-save")) $("viewer").close(); };

function drawCard({ card, id }) {
  const node = make("div", { class: "card", data: { state: card.state, kind: card.kind, ticket: card.ticket_id ?? "" }, lang: card.language },
    make("h2", { textContent: card.title }), make("p", { class: "lead", textContent: card.lead, dir: "auto" }));
  if (card.facts.length) node.append(make("dl", { class: "facts" }, ...card.facts.flatMap((fact) => [make("dt", { textContent: fact.label }), make("dd", { textContent: fact.value })])));
  for (const section of card.sections) node.append(drawSection(section));
  for (const question of card.questions) node.append(make("div", { class: "question" }, make("p", { textContent: question.text }), buttonRow(question.buttons)));
  if (card.buttons.length) node.append(buttonRow(card.buttons));
  if (card.ticket_id) node.append(make("button", { class: "more reply", type: "button", textContent: `↩ ${texts.reply}`, onclick: () => replyTo(id, card.ticket_id) }));
  return node;
}

function drawSection(section) {
  const body = [section.text ? make("p", { textContent: section.text, dir: "auto" }) : null];
  if (section.links.length) body.push(make("div", { class: "links" }, ...section.links.map(link)));
  if (section.folded) return make("details", { class: "section" }, make("summary", { textContent: section.title }), ...body);
  return make("div", { class: "section" }, section.title ? make("h3", { textContent: section.title }) : null, ...body);
}

function link({ label, url }) {
  if (url.startsWith("media:")) {
    const [sha256, type] = url.slice(6).split(";");
    const file = { sha256, media_type: type ?? "", name: label };
    if (file.media_type.startsWith("audio/")) return player(file);
    if (file.media_type.startsWith("image/")) return make("button", { class: "button", type: "button", textContent: label, onclick: () => enlarge(file, label) });
    return make("a", { class: "button", href: address(file), download: label, textContent: label });
  }
  if (!/^(tel:|https:\/\/wa\.me\/)/.test(url)) return make("span", { textContent: label });
  return make("a", { class: "button", href: url, target: url.startsWith("tel:") ? "" : "_blank", rel: "noopener noreferrer", textContent: label });
}

function buttonRow(buttons) {
  const row = make("div", { class: "buttons" });
  for (const button of buttons) {
    row.append(make("button", { class: `button ${button.style}`, type: "button", textContent: button.label, data: { action: button.id.split(":")[0] },
      onclick: () => (button.fields.length ? openForm(row, button) : tap(row, button.id, {})) }));
  }
  return row;
}

function openForm(row, button) {
  row.hidden = true;
  const form = make("form", { class: "fields" });
  for (const field of button.fields) {
    let input;
    if (field.kind === "choice") {
      input = make("select", { name: field.name, required: field.required }, make("option", { value: "", textContent: `– ${texts.choose} –` }),
        ...field.options.map((option) => make("option", { value: option.value, textContent: option.label })));
    } else if (field.kind === "amount") input = make("input", { name: field.name, inputMode: "decimal", autocomplete: "off", required: field.required, value: field.value });
    else input = make("textarea", { name: field.name, rows: 2, required: field.required, value: field.value, dir: "auto" });
    form.append(make("label", {}, field.label, input));
  }
  const close = () => { form.remove(); row.hidden = false; row.querySelector("button")?.focus(); };
  form.append(make("div", { class: "buttons" }, make("button", { class: "button primary", textContent: `${texts.confirm} · ${button.label}` }),
    make("button", { class: "button", type: "button", textContent: texts.back, onclick: close })));
  form.onsubmit = (event) => {
    event.preventDefault();
    const values = Object.fromEntries(new FormData(form));
    close();
    tap(row, button.id, values);
  };
  form.onkeydown = (event) => { if (event.key === "Escape") close(); };
  row.after(form);
  form.querySelector("input, select, textarea").focus();
}

async function tap(row, button, values) {
  const all = [...row.querySelectorAll("button")];
  all.forEach((one) => { one.disabled = true; });
  working(true);
  await post("/api/taps", { id: newId(), button, values });
  // The answer comes by the stream; where the card did not change the buttons live on.
  setTimeout(() => all.forEach((one) => { one.disabled = false; }), 1500);
}

// Repeats under the same id until it is kept: the service takes the repeat for what it is.
async function post(path, body) {
  for (let pause = 500; ; pause = Math.min(pause * 2, 8000)) {
    try {
      const answer = await fetch(`${path}?${who}`, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
      if (answer.ok) return null;
      if (answer.status < 500) return (await answer.json().catch(() => ({}))).error ?? texts.failed;
    } catch { /* no network: try again */ }
    await new Promise((done) => setTimeout(done, pause));
  }
}

// --- what goes out: kept in this window's storage until the service has it ---------------------------------

const boxName = `loopos-outbox-${me}`;
const box = () => JSON.parse(sessionStorage.getItem(boxName) ?? "[]");
const store = (list) => sessionStorage.setItem(boxName, JSON.stringify(list));
const drop = (id) => store(box().filter((one) => one.id !== id));
let flushing = false;

async function flush() {
  if (flushing) return;
  flushing = true;
  for (let next = box()[0]; next; next = box()[0]) {
    if (!shown.has(next.id)) pending(next);
    const refused = await post("/api/messages", next);
    drop(next.id);
    if (refused) { fail(refused); shown.get(next.id)?.node.remove(); shown.delete(next.id); $("text").value ||= next.text; }
  }
  flushing = false;
}

function pending(message) {
  const node = draw({ ...message, type: "own", author: me, at: new Date().toISOString(), state: texts.sending });
  $("log").querySelector(".empty")?.remove();
  place(node, Number.MAX_SAFE_INTEGER);
  shown.set(message.id, { node, position: Number.MAX_SAFE_INTEGER, pending: true });
  toEnd();
}

const attached = [];
let reply = null;

function replyTo(id, ticket) {
  reply = id;
  $("replying").hidden = false;
  $("replying-text").textContent = `${texts.replying} ${ticket}`;
  $("text").focus();
}
$("reply-stop").onclick = () => { reply = null; $("replying").hidden = true; };

$("composer").onsubmit = (event) => {
  event.preventDefault();
  const text = $("text").value.trim();
  if (!text && !attached.length) return;
  fail("");
  store([...box(), { id: newId(), text, files: attached.splice(0), ...(reply ? { reply_to: reply } : {}) }]);
  $("text").value = "";
  $("reply-stop").onclick();
  drawAttached();
  grow();
  flush();
};
$("text").onkeydown = (event) => {
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing) { event.preventDefault(); $("composer").requestSubmit(); }
};
const grow = () => { $("text").style.height = "auto"; $("text").style.height = `${$("text").scrollHeight + 2}px`; };
$("text").oninput = grow;

function fail(text) {
  $("composer-error").textContent = text;
  $("composer-error").hidden = !text;
}

function drawAttached() {
  $("attachments").replaceChildren(...attached.map((file, index) => make("li", {}, texts[file.kind === "voice" ? "voice" : "file"],
    make("button", { class: "icon-button", type: "button", textContent: "✕", "aria-label": texts.remove, onclick: () => { attached.splice(index, 1); drawAttached(); } }))));
}

async function upload(blob, type) {
  fail("");
  try {
    const answer = await fetch(`/api/media?${who}`, { method: "POST", headers: { "Content-Type": type || "application/octet-stream" }, body: blob });
    const stored = await answer.json();
    if (answer.ok) attached.push(stored);
    else fail(texts[stored.error] ?? texts.upload_failed);
  } catch { fail(texts.upload_failed); }
  drawAttached();
}
$("photo").onchange = async () => {
  for (const file of $("photo").files) await upload(file, file.type);
  $("photo").value = "";
};
$("photo-label").onkeydown = (event) => { if (event.key === "Enter" || event.key === " ") { event.preventDefault(); $("photo").click(); } };

let recorder = null;
$("record").onclick = async () => {
  if (recorder) { recorder.stop(); return; }
  try {
    const stream = await navigator.mediaDevices.getUserMedia({ audio: true });
    const parts = [];
    recorder = new MediaRecorder(stream);
    recorder.ondataavailable = (event) => parts.push(event.data);
    recorder.onstop = async () => {
      stream.getTracks().forEach((track) => track.stop());
      const type = recorder.mimeType;
      recorder = null;
      recording(false);
      await upload(new Blob(parts, { type }), type);
    };
    recorder.start();
    recording(true);
  } catch {
    recorder = null;
    fail(texts.no_microphone);
  }
};
function recording(on) {
  $("record").classList.toggle("recording", on);
  $("record").setAttribute("aria-label", on ? texts.recording : texts.record);
  $("text").placeholder = on ? texts.recording : texts.placeholder;
}

begin();
