"use strict";
// A figure is drawn when it is first seen: a closed <details> has no width to draw into.
// The buttons are named because plotly's own set has one that sends the figure to a server.
const settings = { responsive: true, displaylogo: false, modeBarButtons: [["toImage", "zoom2d", "pan2d", "resetScale2d"]] };

function draw(element) {
  const figure = JSON.parse(document.getElementById(element.dataset.figure).textContent);
  Plotly.newPlot(element, figure.traces, figure.layout, settings);
}

function drawVisible() {
  for (const element of document.querySelectorAll(".figure:not([data-drawn])")) {
    if (element.offsetParent === null) continue;
    element.dataset.drawn = "1";
    draw(element);
  }
}

// Numbers sort by value: "1,200", "83.1%", "5.19 ms" and "12.3 MB" mind their prefixes.
const scales = { p: 1e-12, n: 1e-9, "µ": 1e-6, m: 1e-3, k: 1e3, M: 1e6, G: 1e9, T: 1e12 };

function key(text) {
  const match = /^<?(-?[\d,.]+)\s*(?:([pnµmkMGT])?(?:B|J|s|B\/s)?)?%?$/.exec(text.trim());
  return match ? parseFloat(match[1].replaceAll(",", "")) * (scales[match[2]] ?? 1) : null;
}

function sortBy(heading) {
  const table = heading.closest("table"), body = table.tBodies[0];
  const at = [...heading.parentNode.children].indexOf(heading);
  const falling = heading.dataset.order !== "falling";
  for (const other of heading.parentNode.children) delete other.dataset.order;
  heading.dataset.order = falling ? "falling" : "rising";
  const rows = [...body.rows].map((row) => ({ row, text: row.cells[at].textContent, number: key(row.cells[at].textContent) }));
  rows.sort((a, b) => {
    const order = a.number === null && b.number === null ? b.text.localeCompare(a.text)
      : (b.number ?? -Infinity) - (a.number ?? -Infinity);
    return falling ? order : -order;
  });
  for (const { row } of rows) body.append(row);
}

for (const heading of document.querySelectorAll("th.sorts")) heading.addEventListener("click", () => sortBy(heading));
for (const part of document.querySelectorAll("details")) part.addEventListener("toggle", drawVisible);
drawVisible();
