// Creation of DOM elements. Text is never parsed as markup.

const SVG = "http://www.w3.org/2000/svg";

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "value" || name === "selected" || name === "checked") element[name] = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

export const h = (name, attributes = {}, ...children) => fill(document.createElement(name), attributes, children);

export const svg = (name, attributes = {}, ...children) => fill(document.createElementNS(SVG, name), attributes, children);

/** The header of a table. */
export const heads = (words) => h("thead", {}, h("tr", {}, words.map((each) => h("th", { scope: "col" }, each))));

/** A table whose cells lie below each other on a phone; explicit roles keep it a table there. */
export function stacked(table) {
  const roles = { TABLE: "table", THEAD: "rowgroup", TBODY: "rowgroup", TR: "row", TD: "cell" };
  for (const each of [table, ...table.querySelectorAll("thead, tbody, tr, th, td")]) {
    each.setAttribute("role", roles[each.tagName] ?? (each.scope === "row" ? "rowheader" : "columnheader"));
  }
  table.classList.add("stacked");
  return table;
}

export const $ = (id) => document.getElementById(id);

/** A decorative icon; the text beside it has the same meaning. */
export function icon(name) {
  const paths = {
    alert: "M12 2 1 21h22L12 2Zm-1 7h2v6h-2V9Zm0 8h2v2h-2v-2Z",
    calm: "M12 2a10 10 0 1 0 0 20 10 10 0 0 0 0-20Zm-1.2 14.6-4.4-4.4 1.5-1.5 2.9 2.9 6-6 1.5 1.5-7.5 7.5Z",
    unknown: "M12 2a10 10 0 1 0 0 20 10 10 0 0 0 0-20Zm-1 15h2v2h-2v-2Zm3.3-5.2c-.9.7-1.2 1.1-1.2 2.2h-2.1c0-1.8.6-2.6 1.8-3.5.8-.6 1.2-1 1.2-1.7 0-.9-.8-1.5-1.9-1.5s-2 .7-2.1 1.9H7.9C8 6.900 9.700 5.400 12.100 5.400c2.500 0 4.200 1.400 4.200 3.400 0 1.400-.8 2.200-2 3Z",
    up: "M12 4 4 14h5v6h6v-6h5L12 4Z",
    down: "M12 20 4 10h5V4h6v6h5l-8 10Z",
  };
  const attributes = { class: `icon icon-${name}`, viewBox: "0 0 24 24", "aria-hidden": "true" };
  return svg("svg", attributes, svg("path", { d: paths[name] }));
}
