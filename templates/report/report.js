(function () {
  "use strict";
  var root = document.documentElement;
  root.classList.add("js");

  var toggle = document.getElementById("code-toggle");
  var code = document.querySelectorAll("details.code");
  if (code.length) {
    toggle.hidden = false;
    toggle.addEventListener("click", function () {
      var on = root.classList.toggle("show-code");
      toggle.setAttribute("aria-pressed", String(on));
      toggle.textContent = on ? "Hide code" : "Show code";
      code.forEach(function (part) { part.open = on; });
    });
  }

  function key(row, place) {
    var cell = row.cells[place];
    var text = cell ? (cell.dataset.sort || cell.textContent.trim()) : "";
    if (text === "" || text === "n/a") { return null; }
    var number = Number(text.replace(/,/g, ""));
    return isNaN(number) ? text : number;
  }

  function compare(a, b) {
    if (typeof a === "number" && typeof b === "number") { return a - b; }
    return String(a).localeCompare(String(b), undefined, { numeric: true });
  }

  function sort(table, head, place) {
    var down = head.getAttribute("aria-sort") === "ascending";
    table.querySelectorAll("thead th").forEach(function (other) { other.removeAttribute("aria-sort"); });
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    var body = table.tBodies[0];
    var rows = Array.prototype.map.call(body.rows, function (row) { return { row: row, key: key(row, place) }; });
    rows.sort(function (x, y) {
      // What is missing stays last either way.
      if (x.key === null || y.key === null) { return (x.key === null) - (y.key === null); }
      return down ? compare(y.key, x.key) : compare(x.key, y.key);
    });
    rows.forEach(function (entry) { body.appendChild(entry.row); });
  }

  document.querySelectorAll("table.sortable").forEach(function (table) {
    if (!table.tBodies.length || table.tBodies[0].rows.length < 2) { return; }
    table.querySelectorAll("thead th").forEach(function (head, place) {
      var button = document.createElement("button");
      button.type = "button";
      button.className = "sort";
      button.textContent = head.textContent;
      button.addEventListener("click", function () { sort(table, head, place); });
      head.textContent = "";
      head.appendChild(button);
    });
  });
}());
