"use strict";
(() => {
  const NEXT = { none: "ascending", ascending: "descending", descending: "none" };

  const missing = (cell) => (cell.hasAttribute("data-v") ? cell.dataset.v === "" : cell.textContent.trim() === "");

  const order = (column, state) => {
    const sign = state === "descending" ? -1 : 1;
    return (a, b) => {
      const [left, right] = [a.cells[column], b.cells[column]];
      if (missing(left) || missing(right)) return missing(left) - missing(right);
      if (left.hasAttribute("data-v") && right.hasAttribute("data-v")) return sign * (left.dataset.v - right.dataset.v);
      return sign * left.textContent.localeCompare(right.textContent, "en", { numeric: true });
    };
  };

  const sortBy = (table, column, state) => {
    // From the table's own order each time, so that equal values keep it whatever was sorted before.
    for (const [body, own] of table.ownOrder) {
      body.append(...(state === "none" ? own : [...own].sort(order(column, state))));
    }
    [...table.tHead.rows[0].cells].forEach((header, place) =>
      header.setAttribute("aria-sort", place === column ? state : "none"));
  };

  const prepare = (table) => {
    // The first body, and that of rows which are sorted among themselves; between them stands a heading.
    table.ownOrder = [...table.tBodies].filter((body, place) => !place || body.className === "apart")
      .map((body) => [body, [...body.rows]]);
    [...table.tHead.rows[0].cells].forEach((header, column) => {
      header.setAttribute("aria-sort", "none");
      const button = document.createElement("button");
      button.type = "button";
      button.append(...header.childNodes);
      button.addEventListener("click", () => {
        const state = NEXT[header.getAttribute("aria-sort")];
        sortBy(table, column, state);
        // The address says what is sorted, so that it can be sent to somebody; it adds nothing to the history.
        location.replace(state === "none" ? "#sort=none" : `#sort=${table.id}:${column}:${state}`);
      });
      header.append(button);
    });
  };

  const fromAddress = () => {
    const found = /^#sort=([a-z0-9-]+):([0-9]+):(ascending|descending)$/.exec(location.hash);
    const table = found && document.getElementById(found[1]);
    if (table && table.ownOrder && Number(found[2]) < table.tHead.rows[0].cells.length) {
      sortBy(table, Number(found[2]), found[3]);
    }
  };

  document.querySelectorAll("table.sortable").forEach(prepare);
  fromAddress();
  window.addEventListener("hashchange", fromAddress);
})();
