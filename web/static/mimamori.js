// Everything works without this file. It counts a wait down, looks again when
// the wait is over, and offers passkeys where the browser has them.
"use strict";
(() => {
  const clock = document.querySelector("[data-until]");
  if (clock) {
    // The server's clock counts, not the phone's.
    const ahead = Date.now() - Date.parse(clock.dataset.now);
    const until = Date.parse(clock.dataset.until), since = Date.parse(clock.dataset.since);
    const bar = document.querySelector("progress.wait-bar");
    const show = () => {
      const now = Date.now() - ahead, left = until - now;
      if (left <= 0) {
        setTimeout(() => location.reload(), 2000);
        return;
      }
      const minutes = Math.ceil(left / 60000), h = Math.floor(minutes / 60), m = minutes % 60;
      const words = h === 0 ? clock.dataset.m : m === 0 ? clock.dataset.h : clock.dataset.hm;
      const said = words.replace("{h}", h).replace("{m}", m);
      if (clock.textContent !== said) clock.textContent = said;
      if (bar) bar.value = Math.min(100, Math.max(0, (100 * (now - since)) / (until - since)));
      setTimeout(show, Math.min(left, 10000));
    };
    show();
  }
  for (const button of document.querySelectorAll("[data-print]")) {
    button.hidden = false;
    button.addEventListener("click", () => window.print());
  }
  const passkey = document.querySelector("[data-passkey]");
  if (passkey && window.PublicKeyCredential && PublicKeyCredential.parseRequestOptionsFromJSON) {
    passkey.hidden = false;
    passkey.addEventListener("click", async () => {
      const failed = document.getElementById("passkey-failed");
      failed.hidden = true;
      try {
        const begun = await fetch(passkey.dataset.passkey + "/begin", { method: "POST" });
        if (!begun.ok) throw new Error(String(begun.status));
        const options = await begun.json();
        const credential = await navigator.credentials.get({
          publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(options.publicKey || options),
        });
        const done = await fetch(passkey.dataset.passkey + "/finish", {
          method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(credential),
        });
        if (!done.ok) throw new Error(String(done.status));
        location.reload();
      } catch {
        failed.hidden = false;
        failed.focus();
      }
    });
  }
  const create = document.querySelector("[data-passkey-new]");
  if (create && window.PublicKeyCredential && PublicKeyCredential.parseCreationOptionsFromJSON) {
    create.hidden = false;
    document.querySelector("[data-passkey-none]")?.remove();
    create.addEventListener("click", async () => {
      const failed = document.getElementById("passkey-failed");
      failed.hidden = true;
      try {
        const begun = await fetch(create.dataset.passkeyNew + "/begin", { method: "POST" });
        if (!begun.ok) throw new Error(String(begun.status));
        const credential = await navigator.credentials.create({
          publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(await begun.json()),
        });
        const done = await fetch(create.dataset.passkeyNew + "/finish", {
          method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(credential),
        });
        if (!done.ok) throw new Error(String(done.status));
        location.assign(location.pathname + "?said=added");
      } catch {
        failed.hidden = false;
        failed.focus();
      }
    });
  }
  // The phone forgets passkeys that no longer count here (Signal API).
  const signal = document.querySelector("[data-signal]");
  if (signal && signal.dataset.user && window.PublicKeyCredential && PublicKeyCredential.signalAllAcceptedCredentials) {
    PublicKeyCredential.signalAllAcceptedCredentials({
      rpId: signal.dataset.signal, userId: signal.dataset.user,
      allAcceptedCredentialIds: signal.dataset.accepted.split(" ").filter(Boolean),
    }).catch(() => {}); // a phone that cannot is as before
  }
})();
