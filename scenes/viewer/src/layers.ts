/** The list of layers with their legends, and the choice of the measure that colours objects. */

import { type Catalogue, type Collection, drawn, measures } from "./catalogue";
import { h } from "./dom";
import { t } from "./i18n";
import { legend, swatch } from "./legend";
import type { Store } from "./state";
import { shortDate } from "./time";
import { unit } from "./units";
import type { Language } from "./text";

/** Fills `root` with the measure's choice and the layers; `measureLegend` is filled by who knows the values. */
export function layerList(
  root: HTMLElement,
  catalogue: Catalogue,
  store: Store,
  measureLegend: HTMLElement,
): void {
  store.watch(["language", "theme"], ({ language, theme }) => {
    const list = drawn(catalogue);
    const choices = measures(catalogue);
    const near = list.filter((one) => one.theme === null || one.theme.name === theme);
    const far = list.filter((one) => !near.includes(one));
    const rows = (some: Collection[]) => some.map((collection) => row(collection, catalogue, store));
    root.replaceChildren(
      choices.size > 0 ? measureChoice(catalogue, store, measureLegend) : "",
      h("h2", { id: "layers-title" }, t("layers", language)),
      h(
        "ul",
        { class: "layers", "aria-labelledby": "layers-title" },
        rows(near.sort((a, b) => Number(b.theme !== null) - Number(a.theme !== null))),
      ),
      far.length > 0
        ? h(
            "details",
            { class: "others", open: far.some(({ id }) => store.current.layers.has(id)) },
            h("summary", {}, t("otherLayers", language)),
            h("ul", { class: "layers" }, rows(far)),
          )
        : "",
    );
  });
  store.watch(["layers"], ({ layers }) => {
    for (const box of root.querySelectorAll<HTMLInputElement>("input[data-layer]"))
      box.checked = layers.has(box.dataset.layer ?? "");
  });
  store.watch(["measure"], ({ measure }) => {
    const select = root.querySelector("select");
    if (select) select.value = measure ?? "";
  });
}

function measureChoice(catalogue: Catalogue, store: Store, measureLegend: HTMLElement): HTMLElement {
  const { language, measure } = store.current;
  const groups = Map.groupBy(measures(catalogue), ([, { collection }]) => collection);
  return h(
    "section",
    { class: "measure" },
    h("h2", {}, h("label", { for: "measure" }, t("measure", language))),
    h(
      "select",
      {
        id: "measure",
        onchange: (event: Event) => store.set({ measure: (event.target as HTMLSelectElement).value || null }),
      },
      h("option", { value: "", selected: measure === null }, t("noMeasure", language)),
      [...groups].map(([collection, entries]) =>
        h(
          "optgroup",
          { label: collection.title[language] },
          entries.map(([key, { property }]) => {
            const symbol = unit(property.unit, language);
            const title = property.title[language] + (symbol ? ` (${symbol})` : "");
            return h("option", { value: key, selected: key === measure }, title);
          }),
        ),
      ),
    ),
    measureLegend,
  );
}

function row(collection: Collection, catalogue: Catalogue, store: Store): HTMLElement {
  const { language, layers } = store.current;
  const id = `layer-${collection.id}`;
  const toggle = (event: Event) => {
    const next = new Set(store.current.layers);
    if ((event.target as HTMLInputElement).checked) next.add(collection.id);
    else next.delete(collection.id);
    store.set({ layers: next });
  };
  return h(
    "li",
    {},
    h(
      "label",
      { class: "layer", for: id },
      h("input", {
        id,
        type: "checkbox",
        checked: layers.has(collection.id),
        "data-layer": collection.id,
        onchange: toggle,
      }),
      swatch(collection),
      h("span", { class: "name" }, collection.title[language]),
    ),
    h("div", { class: "legend" }, legend(collection, language)),
    about(collection, catalogue, language),
  );
}

/** What a layer is, who made it, and under which terms. */
export function about(collection: Collection, catalogue: Catalogue, language: Language): HTMLElement {
  const { licence, producer, temporal, count } = collection;
  const zone = catalogue.city.time_zone;
  const day = (text: string) =>
    `${shortDate(Date.parse(text), language, zone)} ${new Date(text).getUTCFullYear()}`;
  return h(
    "details",
    { class: "about" },
    h(
      "summary",
      { "aria-label": `${t("about", language)} : ${collection.title[language]}` },
      t("about", language),
    ),
    h("p", {}, collection.description[language]),
    h(
      "dl",
      {},
      h("dt", {}, t("producer", language)),
      h("dd", {}, producer),
      h("dt", {}, t("licence", language)),
      h(
        "dd",
        {},
        licence.url ? h("a", { href: licence.url, rel: "noopener" }, licence.title) : licence.title,
      ),
      temporal && h("dt", {}, t("period", language)),
      temporal && h("dd", {}, [day(temporal[0]), temporal[1] ? day(temporal[1]) : "…"].join(" – ")),
    ),
    h(
      "p",
      {},
      count > 0 && `${count.toLocaleString(language)} ${t("objects", language)} · `,
      h("a", { href: `ogc/collections/${collection.id}` }, t("openData", language)),
    ),
  );
}
