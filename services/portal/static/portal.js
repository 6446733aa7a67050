// Small comforts on top of pages that are complete without them. No framework but htmx; nothing inline, so the CSP holds.
"use strict";

// Every request of htmx carries the token that forms carry as a field.
document.addEventListener("htmx:configRequest", (event) => {
  event.detail.headers["x-csrf-token"] = document.querySelector("meta[name=csrf]").content;
});

// A wish of this browser's person; a browser that keeps nothing has none.
const kept = {
  get: (name) => { try { return localStorage.getItem(name); } catch { return null; } },
  set: (name, value) => { try { localStorage.setItem(name, value); } catch { /* For this page alone, then. */ } },
};
let keysOn = kept.get("keys") !== "off";

// A field can stand among filters that are folded up, where it takes no focus.
function goTo(field) {
  field?.closest("details")?.setAttribute("open", "");
  field?.focus();
}

// Keys: j and k walk through a list, "/" goes to the search; never while somebody types, or has turned them off: who
// speaks to the computer would press them by words (WCAG 2.1.4).
document.addEventListener("keydown", (event) => {
  if (!keysOn || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.closest("input, textarea, select")) return;
  const links = [...document.querySelectorAll("[data-walk]")];
  const at = links.indexOf(document.activeElement);
  if (event.key === "j" && links.length) links[Math.min(at + 1, links.length - 1)].focus();
  else if (event.key === "k" && links.length) links[Math.max(at - 1, 0)].focus();
  else if (event.key === "/") goTo(document.querySelector("[data-search]"));
  else return;
  event.preventDefault();
});

// Problems of a form: go to the first. The switch of the keys is there only where there are keys.
document.addEventListener("DOMContentLoaded", () => {
  const keys = document.querySelector("[data-keys]");
  if (keys) {
    keys.closest("[hidden]").hidden = false;
    keys.checked = keysOn;
    keys.addEventListener("change", () => {
      keysOn = keys.checked;
      kept.set("keys", keysOn ? "on" : "off");
    });
  }
  document.querySelector("[aria-invalid=true]")?.focus();
});
