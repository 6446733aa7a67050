// Small comforts on top of pages that are complete without them. No framework but htmx; nothing inline, so the CSP holds.
"use strict";

// Every request of htmx carries the token that forms carry as a field.
document.addEventListener("htmx:configRequest", (event) => {
  event.detail.headers["x-csrf-token"] = document.querySelector("meta[name=csrf]").content;
});

// Keys: j and k walk through a list, "/" goes to the search; never while somebody types.
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, textarea, select")) return;
  const links = [...document.querySelectorAll("[data-walk]")];
  const at = links.indexOf(document.activeElement);
  if (event.key === "j" && links.length) links[Math.min(at + 1, links.length - 1)].focus();
  else if (event.key === "k" && links.length) links[Math.max(at - 1, 0)].focus();
  else if (event.key === "/") document.querySelector("[data-search]")?.focus();
  else return;
  event.preventDefault();
});

// Problems of a form: go to the first.
document.addEventListener("DOMContentLoaded", () => {
  document.querySelector("[aria-invalid=true]")?.focus();
});
