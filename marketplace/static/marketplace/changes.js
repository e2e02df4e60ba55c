"use strict";
// Keys of the page of changes: n and p go to the next and the previous change, / to the search.

const starts = () =>
    [...document.querySelectorAll("tr.chg")].filter((row) => !row.previousElementSibling?.matches(".chg, .note"));

function step(direction) {
    const middle = window.innerHeight / 3;
    const rows = starts();
    const place = (row) => row.getBoundingClientRect().top - middle;
    const next = direction > 0 ? rows.find((row) => place(row) > 1) : rows.findLast((row) => place(row) < -1);
    if (!next) return;
    window.scrollBy({ top: place(next) });
    document.querySelector("tr.here")?.classList.remove("here");
    next.classList.add("here");
}

document.addEventListener("keydown", (event) => {
    const isWriting = event.target.closest?.("input, textarea, select, [contenteditable]");
    if (isWriting || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "n") step(1);
    else if (event.key === "p") step(-1);
    else if (event.key === "/") {
        event.preventDefault();
        document.querySelector("#search").focus();
    }
});
