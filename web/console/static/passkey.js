// Passkeys: the only pages that need a script, since only a script may ask the
// browser for one. Without it the buttons stay away and the text beside them
// says what else there is.
"use strict";
(() => {
  const can = window.PublicKeyCredential && PublicKeyCredential.parseRequestOptionsFromJSON && PublicKeyCredential.parseCreationOptionsFromJSON;
  if (!can) return;
  const post = async (address, body) => {
    const answer = await fetch(address, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
    if (!answer.ok) throw new Error(String(answer.status));
    return answer;
  };
  const value = (button, name) => {
    const field = button.dataset[name] && document.getElementById(button.dataset[name]);
    return field ? field.value : "";
  };
  const wire = (button, ceremony) => {
    const box = button.closest("[data-prove]") || button.closest("form, section, .field") || document;
    const failed = box.querySelector("[data-failed]");
    button.hidden = false;
    for (const p of box.querySelectorAll("[data-no-passkey]")) p.remove();
    button.addEventListener("click", async () => {
      if (failed) failed.hidden = true;
      button.disabled = true;
      try {
        await ceremony();
        if (!("stay" in button.dataset)) {
          location.assign(button.dataset.then);
          return;
        }
        // The session is fresh now: every form of this page may be sent as it is.
        for (const b of document.querySelectorAll("[data-prove]")) {
          b.querySelector("[data-proved]").hidden = false;
          for (const x of b.querySelectorAll("button, p:not([data-proved])")) x.hidden = true;
        }
      } catch {
        button.disabled = false;
        if (failed) {
          failed.hidden = false;
          failed.focus();
        }
      }
    });
  };
  for (const button of document.querySelectorAll("[data-passkey-get]")) {
    const at = button.dataset.passkeyGet;
    wire(button, async () => {
      const options = await (await post(at + "/begin", {})).json();
      const credential = await navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(options) });
      await post(at + "/finish", { credential });
    });
  }
  for (const button of document.querySelectorAll("[data-passkey-new]")) {
    const at = button.dataset.passkeyNew;
    wire(button, async () => {
      const options = await (await post(at + "/begin", { digits: value(button, "digits") })).json();
      const credential = await navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(options) });
      await post(at + "/finish", { name: value(button, "name"), credential });
    });
  }
})();
