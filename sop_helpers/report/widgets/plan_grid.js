// A table of months with one column to type in. All text from data is set as text, never as markup.
const number = new Intl.NumberFormat("en", { maximumFractionDigits: 1 });

const shown = (value) => number.format(Math.abs(value) >= 100 ? Math.round(value) : value);

function parse(text) {
  const plain = text.replace(/[\s,_']/g, "");
  if (plain === "") return null;
  return /^\d*\.?\d+$|^\d+\.$/.test(plain) ? Number(plain) : NaN;
}

function render({ model, el }) {
  el.classList.add("sop-grid");

  const texts = () => [...el.querySelectorAll("input[type=text]")];

  function collect() {
    const edits = {}, locks = {}, wrong = [];
    for (const input of el.querySelectorAll("input[type=checkbox]")) {
      const row = model.get("rows")[Number(input.dataset.row)];
      if (input.checked !== Boolean(row.lock)) locks[row.month] = input.checked;
    }
    for (const input of texts()) {
      const row = model.get("rows")[Number(input.dataset.row)];
      const value = parse(input.value);
      const bad = Number.isNaN(value);
      input.setAttribute("aria-invalid", bad ? "true" : "false");
      if (bad) wrong.push(row.month);
      // An empty cell means: as it was.
      const changed = !bad && value !== null && input.value !== input.defaultValue && Math.abs(value - (row.plan ?? 0)) >= 0.05;
      input.classList.toggle("changed", changed || bad);
      if (changed) edits[row.month] = value;
    }
    model.set("edits", edits);
    model.set("locks", locks);
    model.set("wrong", wrong);
    model.save_changes();
  }

  let waiting;
  function soon() {
    clearTimeout(waiting);
    waiting = setTimeout(collect, 200);
  }

  function move(input, step) {
    const inputs = texts();
    const next = inputs[inputs.indexOf(input) + step];
    if (next) { next.focus(); next.select(); }
  }

  function paste(input, event) {
    const lines = event.clipboardData.getData("text").trim().split(/\r?\n/);
    if (lines.length < 2) return;
    event.preventDefault();
    const inputs = texts();
    const start = inputs.indexOf(input);
    lines.forEach((line, k) => { if (inputs[start + k]) inputs[start + k].value = line.split("\t")[0]; });
    collect();
  }

  function cell(row, index, column) {
    const td = document.createElement("td");
    const value = row[column.key];
    if (column.key === "lock") {
      const box = document.createElement("input");
      box.type = "checkbox";
      box.checked = Boolean(value);
      box.dataset.row = index;
      box.disabled = model.get("locked");
      box.setAttribute("aria-label", `lock ${row.month}`);
      box.addEventListener("change", collect);
      td.append(box);
      return td;
    }
    if (column.key !== "plan") {
      td.textContent = value === null || value === undefined ? "" : number.format(Math.round(value));
      return td;
    }
    const input = document.createElement("input");
    input.type = "text";
    input.inputMode = "decimal";
    input.autocomplete = "off";
    input.value = shown(value ?? 0);
    input.defaultValue = input.value;
    input.dataset.row = index;
    input.disabled = model.get("locked");
    input.setAttribute("aria-label", `${column.label} of ${row.month}`);
    input.addEventListener("input", soon);
    input.addEventListener("focus", () => input.select());
    input.addEventListener("paste", (event) => paste(input, event));
    input.addEventListener("keydown", (event) => {
      if (event.key === "Enter" || event.key === "ArrowDown") { event.preventDefault(); move(input, 1); }
      if (event.key === "ArrowUp") { event.preventDefault(); move(input, -1); }
      if (event.key === "Escape") { event.stopPropagation(); input.value = shown(value ?? 0); collect(); }
    });
    td.append(input);
    return td;
  }

  function draw() {
    const table = document.createElement("table");
    const caption = table.createCaption();
    caption.textContent = model.get("caption");
    const head = table.createTHead().insertRow();
    for (const label of ["month", ...model.get("columns").map((c) => c.label)]) {
      const th = document.createElement("th");
      th.scope = "col";
      th.textContent = label;
      head.append(th);
    }
    const body = table.createTBody();
    model.get("rows").forEach((row, index) => {
      const tr = body.insertRow();
      const th = document.createElement("th");
      th.scope = "row";
      th.textContent = row.month;
      tr.append(th, ...model.get("columns").map((column) => cell(row, index, column)));
    });
    el.replaceChildren(table);
  }

  model.on("change:rows change:locked", draw);
  draw();
}

export default { render };
