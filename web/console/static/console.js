// Everything works without this file. It adds keys to the queue and looks out
// for news; a page that somebody writes on is never taken away from him.
"use strict";
(() => {
  const rows = () => [...document.querySelectorAll("#rows a")];
  const typing = (e) => e.target.closest("input:not([type=checkbox]), textarea, select, [contenteditable]");
  const help = document.getElementById("keys");
  let touched = Date.now();
  for (const kind of ["keydown", "pointerdown"]) addEventListener(kind, () => { touched = Date.now(); }, { passive: true });

  const more = document.querySelector(".more");
  addEventListener("click", (e) => { if (more?.open && !more.contains(e.target)) more.open = false; });
  more?.addEventListener("keydown", (e) => {
    if (e.key !== "Escape") return;
    more.open = false;
    more.querySelector("summary").focus();
  });

  document.getElementById("keys-open")?.addEventListener("click", () => help.showModal());

  addEventListener("keydown", (e) => {
    if (e.ctrlKey || e.altKey || e.metaKey || typing(e) || help?.open) return;
    const list = rows();
    let at = list.indexOf(document.activeElement);
    if (at < 0) at = list.findIndex((a) => a.getAttribute("aria-current") === "true");
    const field = (id) => {
      const f = document.getElementById(id);
      if (!f) return false;
      f.focus();
      if (f.select) f.select();
      return true;
    };
    if (e.key === "j" && list[at + 1]) list[at + 1].focus();
    else if (e.key === "k" && list[at - 1]) list[at - 1].focus();
    else if (e.key === "/" && field("search")) { /* done */ }
    else if (e.key === "f" && document.querySelector(".filters")) {
      document.querySelector(".filters").open = true;
      field("f-urgency");
    } else if (e.key === "n" && field("note")) { /* done */ }
    else if (e.key === "g" && document.body.dataset.home) location.assign(document.body.dataset.home);
    else if (e.key === "?" && help) help.showModal();
    else return;
    e.preventDefault();
  });

  const written = () => [...document.querySelectorAll("main input:not([type=hidden]), main textarea")]
    .some((f) => (f.type === "checkbox" || f.type === "radio" ? f.checked !== f.defaultChecked : f.value !== f.defaultValue) || f === document.activeElement) ||
    document.querySelector("main details[open]:not(.filters)") || help?.open;
  // A screen that nobody touches is not kept signed in by its own reloads.
  const reload = () => !written() && Date.now() - touched < 10 * 60000 && (location.reload(), true);

  const every = Number(document.body.dataset.refresh);
  if (every) setInterval(reload, every * 1000);

  const live = document.body.dataset.live;
  const news = document.getElementById("news");
  if (!live || !news) return;
  const told = (version) => {
    if (version !== document.body.dataset.now && !reload()) news.hidden = false;
  };
  const look = async () => {
    try {
      const answer = await fetch(live, { cache: "no-store" });
      if (answer.status === 401) return;
      if (answer.ok) told(await answer.text());
    } catch { /* the next look may succeed */ }
    setTimeout(look, 4000);
  };
  if (!window.EventSource) {
    setTimeout(look, 4000);
    return;
  }
  // The server says when something is new. Where streams do not pass, we ask.
  const stream = new EventSource(document.body.dataset.news);
  let heard = false;
  stream.onmessage = (e) => { heard = true; told(e.data); };
  stream.onerror = () => {
    if (heard && stream.readyState !== EventSource.CLOSED) return; // it comes back by itself
    stream.close();
    setTimeout(look, 4000);
  };
  addEventListener("pagehide", () => stream.close());
})();
