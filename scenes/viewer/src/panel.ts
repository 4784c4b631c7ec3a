/** The card of what is selected: an object and what is measured there, or a place; and what the maps say of it. */

import { type Catalogue, type Collection, type Field, find } from "./catalogue";
import { h, icon } from "./dom";
import { t } from "./i18n";
import { type Item, loadItem, middleOf, nameOf } from "./items";
import type { Atlas } from "./maps";
import { Measurements } from "./measurements";
import { Readings } from "./readings";
import { isPlace, type Place, type Selection, type Store } from "./state";
import { shortDate } from "./time";
import { quantity } from "./units";
import type { Language } from "./text";

const CLOSE = "M6 6l12 12M18 6L6 18";

/** An object as it was read. */
interface Known {
  collection: Collection;
  item: Item;
  stands: boolean;
}

/** Shows the selection of the store in `root`, hidden while there is none. */
export class Panel {
  private subject: Place | Known | null = null;
  private readonly card = h("div");
  private readonly measurements: Measurements;
  private readonly readings: Readings;

  constructor(
    private readonly root: HTMLElement,
    private readonly catalogue: Catalogue,
    private readonly store: Store,
    atlas: Atlas,
    private readonly show: (collection: Collection, item: Item) => void,
  ) {
    this.measurements = new Measurements(catalogue, store);
    this.readings = new Readings(catalogue, store, atlas);
    root.append(this.card, this.measurements.element, this.readings.element);
    root.addEventListener("keydown", (event) => event.key === "Escape" && this.close());
    store.watch(["language"], () => this.drawCard());
    store.watch(["selection"], ({ selection }) => void this.open(selection));
  }

  private close(): void {
    this.store.set({ selection: null, compared: null, comparing: false });
  }

  private async open(selection: Selection | null): Promise<void> {
    this.subject = null;
    this.root.hidden = !selection;
    this.root.removeAttribute("aria-busy");
    this.card.replaceChildren();
    this.measurements.show(null);
    this.readings.show(null);
    if (isPlace(selection)) {
      this.readings.show(selection, "nothingMapped");
      this.tell(selection);
      return;
    }
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
    this.measurements.show({ collection, id: selection.id });
    const middle = middleOf(answer.value.item);
    if (middle) this.readings.show({ longitude: middle[0], latitude: middle[1] });
    this.tell({ collection, ...answer.value });
  }

  private tell(subject: Place | Known): void {
    this.subject = subject;
    this.drawCard();
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
    const { subject } = this;
    if (!subject) return;
    const { language } = this.store.current;
    this.card.replaceChildren(
      this.closeButton(language),
      ...("item" in subject ? this.facts(subject, language) : whereabouts(subject, language)),
    );
  }

  private facts({ collection, item, stands }: Known, language: Language): (HTMLElement | string)[] {
    const fields = collection.fields.filter(({ name }) => name !== collection.style.label);
    const zone = this.catalogue.city.time_zone;
    return [
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
    ];
  }
}

/** Where a place is: latitude first, as people write it. */
function whereabouts({ longitude, latitude }: Place, language: Language): HTMLElement[] {
  const degrees = (value: number, [positive, negative]: readonly [string, string]) =>
    `${Math.abs(value).toLocaleString(language, { minimumFractionDigits: 5 })}°\u202f${value < 0 ? negative : positive}`;
  const west = language === "fr" ? "O" : "W";
  return [
    h("p", { class: "kind" }, `${degrees(latitude, ["N", "S"])}  ${degrees(longitude, ["E", west])}`),
    h("h2", { tabindex: -1 }, t("here", language)),
  ];
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
