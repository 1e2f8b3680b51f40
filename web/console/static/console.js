// Everything works without this file. It adds keys to the queue and looks out
// for news; a page that somebody writes on is never taken away from him.
"use strict";
(() => {
  const rows = () => [...document.querySelectorAll("#rows a")];
  const typing = (e) => e.target.closest("input, textarea, select, [contenteditable]");
  let touched = Date.now();
  for (const kind of ["keydown", "pointerdown"]) addEventListener(kind, () => { touched = Date.now(); }, { passive: true });

  addEventListener("keydown", (e) => {
    if (e.ctrlKey || e.altKey || e.metaKey || typing(e)) return;
    const list = rows();
    let at = list.indexOf(document.activeElement);
    if (at < 0) at = list.findIndex((a) => a.getAttribute("aria-current") === "true");
    if (e.key === "j" && list[at + 1]) list[at + 1].focus();
    else if (e.key === "k" && list[at - 1]) list[at - 1].focus();
    else if (e.key === "/") {
      const search = document.getElementById("search");
      if (!search) return;
      search.focus();
      search.select();
    } else return;
    e.preventDefault();
  });

  const live = document.body.dataset.live;
  const news = document.getElementById("news");
  if (!live || !news) return;
  const written = () => [...document.querySelectorAll("main input:not([type=hidden]), main textarea")]
    .some((f) => f.value !== f.defaultValue || f === document.activeElement) || document.querySelector("main details[open]");
  const look = async () => {
    try {
      const answer = await fetch(live, { cache: "no-store" });
      if (answer.status === 401) return;
      if (answer.ok && (await answer.text()) !== document.body.dataset.now) {
        // A screen that nobody touches is not kept signed in by its own reloads.
        if (!written() && Date.now() - touched < 10 * 60000) {
          location.reload();
          return;
        }
        news.hidden = false;
      }
    } catch { /* the next look may succeed */ }
    setTimeout(look, 4000);
  };
  setTimeout(look, 4000);
})();
