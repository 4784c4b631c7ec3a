/** The choice of the object whose series are drawn beside those of the selection: from a list, or by touch. */

import type { Collection } from "./catalogue";
import { h } from "./dom";
import { t } from "./i18n";
import { type Item, loadNames, nameOf } from "./items";
import type { Store } from "./state";

/** A collection of more objects than this is compared by touch alone. */
const LISTED = 1000;

export class Comparison {
  private readonly names = new Map<string, Promise<Item[]>>();

  constructor(private readonly store: Store) {}

  /** A control for the object `subject`. */
  choice({ collection, id }: { collection: Collection; id: string }): HTMLElement {
    const { language, compared, comparing } = this.store.current;
    const select = h(
      "select",
      {
        id: "compared",
        onchange: () => this.store.set({ compared: select.value || null, comparing: false }),
      },
      h("option", { value: "" }, t("nobody", language)),
    );
    const touch = h(
      "button",
      {
        type: "button",
        class: "plain touch",
        "aria-pressed": String(comparing),
        onclick: () => {
          this.store.set({ comparing: !this.store.current.comparing });
          const now = this.store.current.comparing;
          touch.setAttribute("aria-pressed", String(now));
          touch.textContent = t(now ? "touchNow" : "touchOther", language);
        },
      },
      t(comparing ? "touchNow" : "touchOther", language),
    );
    if (collection.count <= LISTED)
      void this.named(collection).then((items) => {
        const sorted = items
          .filter((item) => item.id !== id)
          .map((item) => ({ value: item.id, name: nameOf(collection, item) }))
          .sort((a, b) => a.name.localeCompare(b.name, language));
        select.append(...sorted.map(({ value, name }) => h("option", { value }, name)));
        select.value = compared ?? "";
      });
    return h(
      "div",
      { class: "comparison" },
      collection.count <= LISTED && h("label", {}, h("span", {}, t("compare", language)), select),
      touch,
    );
  }

  /** The name of an object of `collection`. */
  async nameOf(collection: Collection, id: string | null): Promise<string> {
    const item = id === null ? undefined : (await this.named(collection)).find((one) => one.id === id);
    return item ? nameOf(collection, item) : (id ?? "");
  }

  private named(collection: Collection): Promise<Item[]> {
    const known =
      this.names.get(collection.id) ??
      (collection.count <= LISTED
        ? loadNames(collection).then((answer) => (answer.ok ? answer.value : []))
        : Promise.resolve([]));
    this.names.set(collection.id, known);
    return known;
  }
}
