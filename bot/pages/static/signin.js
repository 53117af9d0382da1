"use strict";
// The code stands behind the # of the link from chat: no server, log or preview has seen it.
const form = document.getElementById("by-code");
if (form && /^#[0-9A-Za-z-]{8,20}$/.test(location.hash)) {
  document.getElementById("code").value = location.hash.slice(1);
  history.replaceState(null, "", location.pathname + location.search);
  form.requestSubmit();
}
const waiting = document.getElementById("waiting");
if (waiting) {
  const ask = async () => {
    try {
      const answer = await fetch("/signin/wait", { credentials: "same-origin" });
      if (answer.status === 200) {
        location.replace((await answer.json()).next);
        return;
      }
      if (answer.status === 410) {
        document.getElementById("state").textContent = waiting.dataset.over;
        return;
      }
    } catch {
      // The service is away for a moment: it is asked again.
    }
    setTimeout(ask, 1000);
  };
  ask();
}
