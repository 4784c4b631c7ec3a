/** The card of the selected object: what it is, and what is measured there. */

import { type Catalogue, type Collection, type Field, find } from "./catalogue";
import { h, icon } from "./dom";
import { t } from "./i18n";
import { type Item, loadItem, nameOf } from "./items";
import { Measurements } from "./measurements";
import type { Selection, Store } from "./state";
import { shortDate } from "./time";
import { quantity } from "./units";
import type { Language } from "./text";

const CLOSE = "M6 6l12 12M18 6L6 18";

/** Shows the selection of the store in `root`, hidden while there is none. */
export class Panel {
  private subject: { collection: Collection; item: Item; stands: boolean } | null = null;
  private readonly card = h("div");
  private readonly measurements: Measurements;

  constructor(
    private readonly root: HTMLElement,
    private readonly catalogue: Catalogue,
    private readonly store: Store,
    private readonly show: (collection: Collection, item: Item) => void,
  ) {
    this.measurements = new Measurements(catalogue, store);
    root.append(this.card, this.measurements.element);
    root.addEventListener("keydown", (event) => event.key === "Escape" && this.close());
    store.watch(["selection"], ({ selection }) => void this.open(selection));
    store.watch(["language"], () => this.drawCard());
  }

  private close(): void {
    this.store.set({ selection: null, compared: null, comparing: false });
  }

  private async open(selection: Selection | null): Promise<void> {
    this.subject = null;
    this.root.hidden = !selection;
    this.card.replaceChildren();
    this.measurements.show(null);
    const collection = selection && find(this.catalogue, selection.collection);
    if (!selection || !collection) return;
    this.root.setAttribute("aria-busy", "true");
    const answer = await loadItem(collection, selection.id, this.store.current.time);
    if (this.store.current.selection !== selection) return;
    this.root.removeAttribute("aria-busy");
    if (!answer.ok) {
      const { language } = this.store.current;
      const sentence = h("p", { class: "problem", role: "alert" }, answer.problem.message[language]);
      this.card.replaceChildren(this.closeButton(language), sentence);
      return;
    }
    this.subject = { collection, ...answer.value };
    this.drawCard();
    this.measurements.show({ collection, id: selection.id });
    this.card.querySelector<HTMLElement>("h2")?.focus({ preventScroll: true });
  }

  private closeButton(language: Language): HTMLElement {
    const label = t("close", language);
    return h(
      "button",
      {
        type: "button",
        class: "round close",
        "aria-label": label,
        title: label,
        onclick: () => this.close(),
      },
      icon(CLOSE),
    );
  }

  private drawCard(): void {
    if (!this.subject) return;
    const { language } = this.store.current;
    const { collection, item, stands } = this.subject;
    const fields = collection.fields.filter(({ name }) => name !== collection.style.label);
    const zone = this.catalogue.city.time_zone;
    this.card.replaceChildren(
      this.closeButton(language),
      h("p", { class: "kind" }, collection.title[language]),
      h("h2", { tabindex: -1 }, nameOf(collection, item)),
      stands ? "" : h("p", { class: "problem" }, t("gone", language)),
      h(
        "dl",
        { class: "fields" },
        fields.flatMap((field) => {
          const value = item.properties[field.name];
          if (value === null || value === undefined || value === "") return [];
          return [
            h("dt", { title: field.description?.[language] }, field.title[language]),
            h("dd", {}, written(field, value, language, zone)),
          ];
        }),
        lifespan(item, language, zone),
      ),
      h(
        "button",
        { type: "button", class: "plain", onclick: () => this.show(collection, item) },
        t("show", language),
      ),
    );
  }
}

/** The value of a field as a person reads it. */
export function written(
  field: Field,
  value: string | number | boolean,
  language: Language,
  timeZone: string,
): string {
  const category = field.categories.find((one) => String(one.value) === String(value));
  if (category) return category.title[language];
  if (field.type === "boolean") return t(value === true || value === 1 ? "yes" : "no", language);
  if (field.type === "date" || field.type === "datetime") return dated(String(value), language, timeZone);
  return typeof value === "number" ? quantity(value, field.unit, language) : value.toString();
}

function dated(text: string, language: Language, timeZone: string): string {
  const time = Date.parse(text);
  return `${shortDate(time, language, timeZone)} ${new Date(time).getUTCFullYear()}`;
}

function lifespan({ properties }: Item, language: Language, timeZone: string): HTMLElement[] {
  const [from, to] = [properties.valid_from, properties.valid_to];
  if (!from && !to) return [];
  const [since, until] = language === "fr" ? ["Existe depuis", "Jusqu'au"] : ["Exists since", "Until"];
  return [
    ...(from ? [h("dt", {}, since), h("dd", {}, dated(String(from), language, timeZone))] : []),
    ...(to ? [h("dt", {}, until), h("dd", {}, dated(String(to), language, timeZone))] : []),
  ];
}
