/** Legends: what the colours of a layer mean, with the unit. */

import type { Collection, Ramp } from "./catalogue";
import { categoriesOf } from "./colours";
import { h } from "./dom";
import { quantity } from "./units";
import type { Language } from "./text";

/** The legend of a collection as its style says: a ramp, categories, or nothing more than its swatch. */
export function legend(collection: Collection, language: Language): HTMLElement | null {
  const { style } = collection;
  const by =
    collection.fields.find(({ name }) => name === style.colour_by) ??
    collection.observed_properties.find(({ name }) => name === style.colour_by);
  if (style.ramp && by) return rampLegend(style.ramp, by.title[language], by.unit, language);
  const categories = categoriesOf(collection);
  if (categories.length === 0) return null;
  return h(
    "ul",
    { class: "categories" },
    categories.map(({ title, colour }) =>
      h("li", {}, h("span", { class: "swatch fill", style: `--colour:${colour}` }), title[language]),
    ),
  );
}

/** A bar of colours between two amounts. */
export function rampLegend(ramp: Ramp, title: string, code: string | null, language: Language): HTMLElement {
  const middle = (ramp.minimum + ramp.maximum) / 2;
  return h(
    "figure",
    { class: "ramp" },
    h("figcaption", {}, title),
    h("div", { class: "bar", style: `background:linear-gradient(90deg, ${ramp.colours.join(", ")})` }),
    h(
      "div",
      { class: "ends" },
      h("span", {}, quantity(ramp.minimum, null, language)),
      h("span", {}, quantity(middle, null, language)),
      h("span", {}, quantity(ramp.maximum, code, language)),
    ),
  );
}

/** A small sample of how the objects of a collection are drawn. */
export function swatch({ style, fields }: Collection): HTMLElement {
  const ramp = fields.some(({ name }) => name === style.colour_by) ? style.ramp : null;
  const colour = ramp?.colours[Math.floor(ramp.colours.length / 2)] ?? style.colour;
  const edge = style.outline ? `;--edge:${style.outline}` : "";
  return h("span", { class: `swatch ${style.symbol}`, style: `--colour:${colour}${edge}` });
}
