/** What the theme's maps show at the time chosen, in words: their meaning, how sure they are, the class of each area. */

import { type Catalogue, type Collection, drawn, mapped } from "./catalogue";
import { categoriesOf } from "./colours";
import { h } from "./dom";
import { t } from "./i18n";
import { type Item, loadPage, nameOf } from "./items";
import { legend, rampLegend } from "./legend";
import { type Atlas, type Moment, range } from "./maps";
import type { State, Store } from "./state";
import { sureness, whyNone } from "./sureness";
import { longDate } from "./time";
import { quantity } from "./units";

/** Areas listed. */
const LISTED = 60;

interface Part {
  element: HTMLElement;
  follow: (state: State) => void;
}

export class Caption {
  private parts: Part[] = [];

  /** Fills `root` with the collections of the theme that are shown. */
  constructor(
    private readonly root: HTMLElement,
    private readonly catalogue: Catalogue,
    private readonly store: Store,
    private readonly atlas: Atlas,
  ) {
    store.watch(["theme", "layers", "language"], (state) => this.build(state));
    store.watch(["time"], (state) => this.follow(state));
    atlas.watch(() => this.follow(store.current));
  }

  private follow(state: State): void {
    for (const part of this.parts) part.follow(state);
  }

  private build({ theme, layers }: State): void {
    const shown = drawn(this.catalogue).filter((one) => theme && one.theme?.name === theme && layers.has(one.id));
    const parts = shown.flatMap((collection): Part[] => {
      if (collection.links.grid) return [new MapCaption(collection, this.store, this.atlas)];
      const classed = categoriesOf(collection).length > 0 && collection.links.tiles && collection.links.items;
      return classed ? [new ClassCaption(collection, this.catalogue, this.store)] : [];
    });
    this.parts = parts;
    const readable = mapped(this.catalogue, theme, layers).some((one) => shown.includes(one));
    this.root.replaceChildren(
      ...parts.map(({ element }) => element),
      readable ? h("p", { class: "hint touch-ground" }, t("touchGround", this.store.current.language)) : "",
    );
    this.root.hidden = parts.length === 0;
    this.follow(this.store.current);
  }
}

/** A coverage: what its values mean, their range, their error, or why there is no map. */
class MapCaption implements Part {
  readonly element: HTMLElement;
  private readonly facts = h("p", { class: "facts" });
  private readonly trust = h("p", { class: "hint" });

  constructor(
    private readonly collection: Collection,
    store: Store,
    private readonly atlas: Atlas,
  ) {
    const { language } = store.current;
    const property = atlas.of(collection).property;
    const { ramp } = collection.style;
    this.element = h(
      "section",
      { "data-caption": collection.id },
      h("p", {}, (property?.description ?? collection.description)[language]),
      ramp && property ? rampLegend(ramp, property.title[language], property.unit, language) : legend(collection, language),
      this.facts,
      this.trust,
    );
  }

  follow(state: State): void {
    const moment = this.atlas.of(this.collection).at(state.time);
    this.element.setAttribute("aria-busy", String(!moment));
    this.facts.textContent = moment ? this.said(moment, state) : t("loadingMap", state.language);
    this.facts.classList.toggle("problem", moment?.frame === null);
    const unit = moment?.frame?.grids.unit;
    this.trust.textContent = unit === undefined ? "" : sureness(moment?.assessment, unit, state.language);
  }

  private said({ frame, assessment }: Moment, { language }: State): string {
    if (!frame) return whyNone(assessment, language);
    const { minimum, mean, maximum } = range(frame);
    const amount = (value: number) => quantity(value, frame.grids.unit, language);
    return language === "fr"
      ? `De ${amount(minimum)} à ${amount(maximum)} selon les lieux, ${amount(mean)} en moyenne.`
      : `From ${amount(minimum)} to ${amount(maximum)} by place, ${amount(mean)} on average.`;
  }
}

/** Areas coloured by class: the day, and each area with its class. */
class ClassCaption implements Part {
  readonly element: HTMLElement;
  private readonly day = h("p", { class: "facts" });
  private readonly list = h("ul", { class: "classes" });
  /** Between which instants what is listed stands. */
  private stands: [number, number] | null = null;
  private asked = Number.NaN;

  constructor(
    private readonly collection: Collection,
    private readonly catalogue: Catalogue,
    private readonly store: Store,
  ) {
    const { language } = store.current;
    const field = collection.fields.find(({ name }) => name === collection.style.colour_by);
    this.element = h(
      "section",
      { "data-caption": collection.id },
      h("h2", {}, field?.title[language] ?? collection.title[language]),
      field?.description && h("p", {}, field.description[language]),
      this.day,
      this.list,
    );
  }

  follow({ time }: State): void {
    if (this.stands && time >= this.stands[0] && time < this.stands[1]) return;
    this.asked = time;
    // One request at a time: the next is for where the slider stands by then.
    if (this.element.getAttribute("aria-busy") !== "true") void this.read();
  }

  private async read(): Promise<void> {
    this.element.setAttribute("aria-busy", "true");
    const time = this.asked;
    const answer = await loadPage(this.collection, time, 0, LISTED);
    this.element.removeAttribute("aria-busy");
    if (this.asked !== time) {
      void this.read();
      return;
    }
    const { language } = this.store.current;
    if (!answer.ok) {
      this.day.textContent = answer.problem.message[language];
      return;
    }
    const { items, total } = answer.value;
    const at = (name: string, otherwise: number) =>
      items.map(({ properties }) => (properties[name] ? Date.parse(String(properties[name])) : otherwise));
    const starts = at("valid_from", -Infinity);
    this.stands = items.length ? [Math.max(...starts), Math.min(...at("valid_to", Infinity))] : [time, time + 1];
    const from = this.stands[0];
    this.day.classList.toggle("problem", items.length === 0);
    this.day.textContent =
      items.length === 0
        ? t("nothingThen", language)
        : Number.isFinite(from)
          ? longDate(from, language, this.catalogue.city.time_zone)
          : "";
    this.list.replaceChildren(...items.map((item) => this.row(item)));
    if (total > items.length)
      this.list.append(h("li", { class: "hint" }, `${items.length} / ${total.toLocaleString(language)}`));
  }

  private row(item: Item): HTMLElement {
    const { collection } = this;
    const { language } = this.store.current;
    const value = item.properties[collection.style.colour_by ?? ""];
    const found = categoriesOf(collection).find((one) => String(one.value) === String(value));
    const open = () => this.store.set({ selection: { collection: collection.id, id: item.id }, compared: null });
    return h(
      "li",
      {},
      h(
        "button",
        { type: "button", onclick: open },
        h("span", {}, nameOf(collection, item)),
        h(
          "span",
          { class: "class" },
          found && h("span", { class: "swatch fill", style: `--colour:${found.colour}` }),
          found?.title[language] ?? t("noValue", language),
        ),
      ),
    );
  }
}
