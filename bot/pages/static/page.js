"use strict";
// The page is drawn by the server. This keeps it as things are (a stream says that something changed, the page is asked for
// again and morphed in place), and carries out what is pressed.
const root = document.documentElement;
const texts = document.getElementById("texts").dataset;
const content = () => document.getElementById("content");
let cursor = content().dataset.cursor;
let asked = 0;
let timer = 0;
document.querySelector("nav [aria-current]")?.scrollIntoView({ inline: "center", block: "nearest" });

async function refresh() {
  const mine = ++asked;
  try {
    const answer = await fetch(location.href, { credentials: "same-origin", headers: { Accept: "text/html" } });
    if (answer.redirected && new URL(answer.url).pathname === "/signin") {
      location.assign(answer.url);
      return;
    }
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    if (mine !== asked || document.querySelector("dialog[open]")) return;
    for (const id of ["content", "who"]) {
      const now = fresh.getElementById(id);
      if (now) Idiomorph.morph(document.getElementById(id), now, { ignoreActiveValue: true });
    }
  } catch {
    // The stream notices when the service is back, and asks again.
  }
}

function soon() {
  clearTimeout(timer);
  timer = setTimeout(refresh, 120);
}

function listen() {
  const stream = new EventSource(`/api/v1/stream?after=${encodeURIComponent(cursor)}`);
  let was_away = false;
  stream.addEventListener("caught_up", (event) => {
    cursor = JSON.parse(event.data).cursor;
    root.dataset.live = "on";
    if (was_away) soon();
    was_away = false;
  });
  stream.addEventListener("ticket", (event) => {
    cursor = event.lastEventId;
    soon();
  });
  stream.addEventListener("reset", soon);
  stream.addEventListener("loop", () => {
    if (location.pathname === "/loop") soon();
  });
  stream.addEventListener("cost", (event) => {
    const cost = JSON.parse(event.data);
    for (const [name, value] of [["today", cost.today_usd], ["month", cost.month_usd]]) {
      const shown = document.querySelector(`[data-cost="${name}"]`);
      if (shown && shown.dataset.usd !== value) {
        shown.dataset.usd = value;
        soon();
      }
    }
  });
  stream.onerror = () => {
    root.dataset.live = "off";
    was_away = true;
    if (stream.readyState === EventSource.CLOSED) {
      stream.close();
      setTimeout(listen, 1500);
      setTimeout(refresh, 1500);
    }
  };
}

function say(text) {
  const line = document.createElement("p");
  line.textContent = text;
  document.getElementById("said").replaceChildren(line);
  setTimeout(() => line.remove(), 6000);
}

async function call(method, path, body) {
  const answer = await fetch(`/api/v1${path}`, {
    method,
    credentials: "same-origin",
    headers: { "Content-Type": "application/json", "X-CSRF-Token": content().dataset.csrf },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  if (answer.ok) return null;
  try {
    return (await answer.json()).error.message;
  } catch {
    return texts.failed;
  }
}

// Ask for words in a dialog; null where the person goes back.
function ask(title, question, more) {
  const box = document.getElementById("ask");
  const value = document.getElementById("ask-value");
  const note = document.getElementById("ask-more");
  document.getElementById("ask-title").textContent = title;
  document.getElementById("ask-label").textContent = question;
  document.getElementById("ask-more-label").hidden = note.hidden = !more;
  value.value = note.value = "";
  value.required = true;
  value.inputMode = more ? "decimal" : "text";
  box.returnValue = "no";
  box.showModal();
  value.focus();
  return new Promise((done) => {
    box.addEventListener("close", () => done(box.returnValue === "yes" ? [value.value, note.value] : null), { once: true });
  });
}

// A worker, or a question of one. `null`: the person went back.
async function actOnLoop(button, about) {
  const { worker, ask: question } = about.dataset;
  const path = worker ? `/workers/${encodeURIComponent(worker)}` : `/asks/${encodeURIComponent(question)}`;
  switch (button.dataset.act) {
    case "answer": {
      const text = about.querySelector("pre").textContent;
      const said = button.dataset.text ? [button.dataset.text] : await ask(text.slice(0, 300), texts.answer, false);
      return said && call("POST", path, { text: said[0] });
    }
    case "tell": {
      const said = await ask(worker, texts.tell, false);
      return said && call("POST", `${path}/tell`, { text: said[0] });
    }
    case "flag": {
      const said = await ask(worker, texts.flag, false);
      return said && call("POST", `${path}/flag`, { note: said[0] });
    }
    case "kill": {
      const said = await ask(worker, texts.kill, false);
      if (said && said[0].trim() !== worker) return texts.killWrong;
      return said && call("POST", `${path}/kill`, {});
    }
    default:
      return null;
  }
}

async function act(button) {
  const about = button.closest("[data-worker], [data-ask]");
  if (about) return actOnLoop(button, about);
  const ticket = button.closest("[data-ticket]").dataset.ticket;
  const path = `/tickets/${encodeURIComponent(ticket)}`;
  const approval = `/approvals/${encodeURIComponent(button.dataset.approval || "")}`;
  switch (button.dataset.act) {
    case "approve":
      return call("POST", approval, { decision: "approve" });
    case "reject": {
      const said = await ask(`${texts.rejectTitle}: ${ticket}`, texts.reject, false);
      return said && call("POST", approval, { decision: "reject", reason: said[0] });
    }
    case "acknowledge":
      return call("POST", `${path}/acknowledge`, {});
    case "resolve": {
      const said = await ask(`${texts.resolveTitle}: ${ticket}`, texts.resolve, true);
      return said && call("POST", `${path}/resolve`, { actual_cost_usd: said[0].replace(",", "."), note: said[1] || null });
    }
    default:
      return null;
  }
}

document.addEventListener("click", async (event) => {
  const button = event.target.closest("button[data-act], button[data-revoke]");
  if (!button) return;
  button.disabled = true;
  try {
    const trouble = button.dataset.revoke
      ? await call("DELETE", `/clients/${encodeURIComponent(button.dataset.revoke)}`)
      : await act(button);
    if (trouble) say(trouble);
  } catch {
    say(texts.failed);
  } finally {
    button.disabled = false;
    refresh();
  }
});

// The form over one entry of the company's files. What cannot be read is said, and what was typed stays.
document.addEventListener("click", async (event) => {
  const button = event.target.closest("button[data-edit]");
  if (!button) return;
  const path = `/api/v1/company/${button.dataset.edit}`;
  const box = document.getElementById("edit");
  const problem = document.getElementById("edit-problem");
  const answer = await fetch(path, { credentials: "same-origin" }).catch(() => null);
  if (!answer || !answer.ok) {
    say(texts.failed);
    return;
  }
  const rows = (await answer.json()).fields.map(({ name, label, value }) => {
    const title = document.createElement("label");
    const input = document.createElement("input");
    input.id = `edit-${name}`;
    input.name = name;
    input.value = input.defaultValue = value;
    input.maxLength = 1000;
    title.htmlFor = input.id;
    title.textContent = label;
    return [title, input];
  });
  document.getElementById("edit-title").textContent = button.dataset.name;
  document.getElementById("edit-fields").replaceChildren(...rows.flat());
  problem.hidden = true;
  box.returnValue = "no";
  box.querySelector("form").onsubmit = async (submitted) => {
    if (!submitted.submitter || submitted.submitter.value !== "yes") return;
    submitted.preventDefault();
    const changed = Object.fromEntries(rows.map(([, input]) => input).filter((one) => one.value !== one.defaultValue).map((one) => [one.name, one.value]));
    submitted.submitter.disabled = true;
    const trouble = await call("POST", path.replace("/api/v1", ""), changed).catch(() => texts.failed);
    submitted.submitter.disabled = false;
    problem.hidden = !trouble;
    problem.textContent = trouble || "";
    if (!trouble) {
      box.close();
      say(texts.done);
      refresh();
    }
  };
  box.showModal();
});

listen();
