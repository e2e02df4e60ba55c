// Keys for the reviewer's desk. Every one of them clicks, focuses or submits what is on the page already: without this
// file everything works by forms and links, and the page says nothing of keys.
(() => {
  "use strict";
  const RENEW_AFTER_MS = 5 * 60 * 1000;
  const LOOK_EVERY_MS = 30 * 1000;
  const STATUS_MS = 6000;
  const REASON_KEYS = [..."1234567890o"];

  const find = (selector) => document.querySelector(selector);
  const review = find("#review");

  // --- what is said without a page of its own ---
  let silence = 0;
  const say = (text) => {
    const status = find("#key-status");
    if (!status) return;
    status.textContent = text;
    status.hidden = false;
    clearTimeout(silence);
    silence = setTimeout(hush, STATUS_MS);
  };

  const hush = () => { if (find("#key-status")) find("#key-status").hidden = true; };

  const goTo = (element) => {
    element.scrollIntoView({ block: "center" });
    element.focus({ preventScroll: true });
  };

  // --- forms: each is sent once, and a form that the browser finds incomplete says so itself ---
  const send = (form) => { if (form) form.requestSubmit(); return Boolean(form); };
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.method === "dialog" || !form.closest("#review, #next")) return;
    if (form.dataset.sent) event.preventDefault();
    form.dataset.sent = "yes";
  });
  window.addEventListener("pageshow", () => {
    for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
  });

  // --- decisions: a key leads to the form, and only Enter on its button, or Ctrl+Enter, sends it ---
  const missingTick = (section) => section.querySelector("[name$='although_claimed']:not(:checked)");
  const approve = () => {
    const section = find("#approve");
    const button = section && section.querySelector("button[type=submit]");
    if (!button) return say(find("#reject") ? "It can only be rejected." : "It is decided already.");
    const box = missingTick(section);
    goTo(box || button);
    return say(box ? "Somebody has claimed it: Space ticks the box, Ctrl+Enter approves." : "Enter approves it.");
  };
  const reasons = () => find("#reject select[name$='reason_code']");
  const reject = () => {
    if (!reasons()) return say("It is decided already.");
    goTo(reasons());
    return say("A key for the reason, Ctrl+Enter rejects.");
  };
  const choose = (key) => {
    const at = REASON_KEYS.indexOf(key);
    const option = at < 0 ? undefined : reasons().options[at + 1];
    if (!option) return false;
    option.selected = true;
    reasons().dispatchEvent(new Event("change", { bubbles: true }));
    return true;
  };

  // --- files: the links beside the frame, one after the other ---
  const files = () => [...document.querySelectorAll(".mk-files a[target=file]")];
  const mark = (link) => {
    for (const one of files()) one.removeAttribute("aria-current");
    link.setAttribute("aria-current", "true");
    link.scrollIntoView({ block: "nearest" });
  };
  const step = (by) => {
    const links = files();
    const at = links.findIndex((link) => link.getAttribute("aria-current"));
    const link = links[Math.min(links.length - 1, Math.max(0, at + by))];
    if (!link) return say("There are no files.");
    if (!links[at + by]) say(by > 0 ? "This is the last file." : "This is the first file.");
    find("#package").scrollIntoView({ block: "nearest" });
    return link.click();
  };
  for (const link of files()) link.addEventListener("click", () => mark(link));

  const follow = (link, otherwise) => (link ? link.click() : say(otherwise));
  const showKeys = () => find("#keys").showModal();
  const KEYS = {
    a: approve,
    r: reject,
    n: () => send(find("form#next")),
    s: () => send(find("#skip")) || say("There is nothing to skip."),
    c: () => send(find("#claim-form")) || say("There is nothing to claim here."),
    j: () => step(1),
    k: () => step(-1),
    f: () => { const frame = find("iframe[name=file]"); if (frame) goTo(frame); },
    d: () => follow(find("#changes-link"), "There are no changes to compare."),
    q: () => follow(find("#queue"), ""),
    "?": showKeys,
  };
  const REPEATABLE = new Set(["j", "k"]);
  const IN_THE_QUEUE = new Set(["n"]);

  const NO_TEXT = new Set(["button", "checkbox", "radio", "submit", "reset", "image"]);
  const isField = (element) =>
    element.isContentEditable || element.matches("textarea, select")
    || (element.matches("input") && !NO_TEXT.has(element.type));

  const handle = (event) => {
    const { key, target } = event;
    if (event.defaultPrevented || event.isComposing || event.altKey || find("dialog[open]")) return false;
    if (event.ctrlKey || event.metaKey) {
      return Boolean(key === "Enter" && review && !event.repeat && target.form && send(target.form));
    }
    if (target instanceof Element && isField(target)) {
      if (key === "Escape") { target.blur(); return true; }
      return Boolean(review) && target === reasons() && choose(key);
    }
    const act = KEYS[key];
    if (!act || (event.repeat && !REPEATABLE.has(key)) || (!review && !IN_THE_QUEUE.has(key))) return false;
    act();
    return true;
  };
  document.addEventListener("keydown", (event) => { if (handle(event)) event.preventDefault(); });

  for (const kbd of document.querySelectorAll("#next kbd[hidden]")) kbd.hidden = false;
  if (!review) return;
  review.classList.add("mk-has-keys");
  const button = find("#keys-button");
  button.hidden = false;
  button.addEventListener("click", showKeys);
  if (reasons()) {
    REASON_KEYS.forEach((key, at) => {
      const option = reasons().options[at + 1];
      if (option) option.text = `${key}  ${option.text}`;
    });
  }
  for (const link of document.querySelectorAll(".mk-bar [data-key]")) {
    link.addEventListener("click", (event) => {
      event.preventDefault();
      KEYS[link.dataset.key]();
      hush(); // a thumb needs no word about keys
    });
  }

  // --- a claim lasts while its holder works on the page: a tab left open is no work ---
  const renewUrl = review.dataset.renew;
  if (!renewUrl) return;
  let renewedAt = Date.now();
  let active = false;
  for (const kind of ["keydown", "pointerdown", "pointermove", "scroll", "wheel"]) {
    document.addEventListener(kind, () => { active = true; }, { passive: true, capture: true });
  }
  const renew = async () => {
    const inFrame = document.hasFocus() && document.activeElement === find("iframe[name=file]");
    if (!(active || inFrame) || Date.now() - renewedAt < RENEW_AFTER_MS) return;
    active = false;
    renewedAt = Date.now();
    try {
      const headers = { "X-CSRFToken": find("[name=csrfmiddlewaretoken]").value };
      const answer = await fetch(renewUrl, { method: "POST", headers, redirect: "error" });
      if (answer.status === 409) say("Your claim has lapsed. Reload the page to see who has it now.");
    } catch {
      say("The claim could not be renewed: the server did not answer.");
    }
  };
  setInterval(renew, LOOK_EVERY_MS);
})();
