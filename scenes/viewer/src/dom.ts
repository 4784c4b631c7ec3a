/** Elements in one expression. */

type Child = Node | string | null | undefined | false;
type Listener = (event: never) => void;

/** Makes an element: `on…` properties are listeners, the others attributes (false and null are left out). */
export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  properties: Record<string, string | number | boolean | null | undefined | Listener> = {},
  ...children: (Child | Child[])[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  apply(element, properties);
  element.append(...children.flat().filter((child): child is Node | string => Boolean(child)));
  return element;
}

/** Makes an SVG element. */
export function s<K extends keyof SVGElementTagNameMap>(
  tag: K,
  properties: Record<string, string | number | boolean | null | undefined | Listener> = {},
  ...children: (Child | Child[])[]
): SVGElementTagNameMap[K] {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  apply(element, properties);
  element.append(...children.flat().filter((child): child is Node | string => Boolean(child)));
  return element;
}

function apply(
  element: Element,
  properties: Record<string, string | number | boolean | null | undefined | Listener>,
): void {
  for (const [name, value] of Object.entries(properties)) {
    if (typeof value === "function") element.addEventListener(name.slice(2), value as EventListener);
    else if (value !== null && value !== undefined && value !== false)
      element.setAttribute(name, value === true ? "" : String(value));
  }
}

/** An icon of one path on a 24-unit square, hidden from screen readers. */
export function icon(path: string): SVGSVGElement {
  return s("svg", { viewBox: "0 0 24 24", "aria-hidden": "true", class: "icon" }, s("path", { d: path }));
}
