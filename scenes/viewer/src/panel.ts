/** The card of the selected object: what it is, and what is measured there. */

import { type Catalogue, type Collection, type Field, find, type Language, seriesOf } from "./catalogue";
import { type ChartOptions, chart, table } from "./chart";
import { h, icon } from "./dom";
import { t } from "./i18n";
import { type Item, loadItem, nameOf } from "./items";
import type { Problem } from "./outcome";
import { loadSeries, type Series, summary, valueAt } from "./series";
import type { Selection, State, Store } from "./state";
import { covers, DAY, HOUR, scalesOf, shortDate, snap } from "./time";
import { quantity } from "./units";

const SPANS = ["day", "week", "all"] as const;
type Span = (typeof SPANS)[number];
const CLOSE = "M6 6l12 12M18 6L6 18";
const LENGTH: Record<Span, number> = { day: DAY, week: 7 * DAY, all: Infinity };

/** Shows the selection of the store in `root`, hidden while there is none. */
export class Panel {
  private span: Span = "week";
  private subject: { collection: Collection; item: Item; stands: boolean } | null = null;
  private series: Series[] | null = null;
  private readonly card = h("div");
  private readonly charts = h("div", { class: "charts" });

  constructor(
    private readonly root: HTMLElement,
    private readonly catalogue: Catalogue,
    private readonly store: Store,
    private readonly show: (collection: Collection, item: Item) => void,
  ) {
    root.append(this.card, this.charts);
    root.addEventListener("keydown", (event) => event.key === "Escape" && this.close());
    store.watch(["selection"], ({ selection }) => void this.open(selection));
    store.watch(["language"], () => {
      this.drawCard();
      this.drawCharts();
    });
    store.watch(["time"], () => this.drawCharts());
  }

  private close(): void {
    this.store.set({ selection: null });
  }

  private async open(selection: Selection | null): Promise<void> {
    this.subject = this.series = null;
    this.root.hidden = !selection;
    this.card.replaceChildren();
    this.charts.replaceChildren();
    const collection = selection && find(this.catalogue, selection.collection);
    if (!selection || !collection) return;
    this.root.setAttribute("aria-busy", "true");
    const answer = await loadItem(collection, selection.id, this.store.current.time);
    if (this.store.current.selection !== selection) return;
    if (!answer.ok) {
      this.root.removeAttribute("aria-busy");
      this.fail(answer.problem);
      return;
    }
    this.subject = { collection, ...answer.value };
    this.drawCard();
    this.card.querySelector<HTMLElement>("h2")?.focus({ preventScroll: true });
    const answers = await Promise.all(
      seriesOf(this.catalogue, collection.id).map((series) =>
        loadSeries(series, selection.id, series.objects?.[collection.id] ?? []),
      ),
    );
    if (this.store.current.selection !== selection) return;
    this.series = answers.flatMap((one) => (one.ok ? one.value : []));
    this.root.removeAttribute("aria-busy");
    const failed = answers.find((one) => !one.ok);
    if (failed && !failed.ok && this.series.length === 0) this.fail(failed.problem);
    else this.drawCharts();
  }

  private fail({ message }: Problem): void {
    const { language } = this.store.current;
    this.charts.replaceChildren(h("p", { class: "problem", role: "alert" }, message[language]));
    if (!this.subject) this.card.replaceChildren(this.closeButton(language));
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

  private drawCharts(): void {
    if (!this.subject) return;
    const { language } = this.store.current;
    if (!this.series) {
      const expected = seriesOf(this.catalogue, this.subject.collection.id).length > 0;
      this.charts.replaceChildren(expected ? h("p", { class: "hint" }, t("loadingSeries", language)) : "");
      return;
    }
    if (this.series.length === 0) {
      this.charts.replaceChildren(h("p", { class: "hint" }, t("noSeries", language)));
      return;
    }
    const open = new Set(
      [...this.charts.querySelectorAll<HTMLElement>("section")]
        .filter((section) => section.querySelector("details[open]"))
        .map((section) => section.dataset.key),
    );
    const scrolled = this.root.scrollTop;
    this.charts.replaceChildren(
      h("h3", {}, t("series", language)),
      this.spans(language),
      ...this.series.map((series) => {
        const section = this.one(series, this.store.current);
        const details = section.querySelector("details");
        if (details && open.has(section.dataset.key)) details.open = true;
        return section;
      }),
    );
    this.root.scrollTop = scrolled;
  }

  private spans(language: Language): HTMLElement {
    return h(
      "div",
      { class: "segments", role: "group", "aria-label": t("window", language) },
      SPANS.map((span, index) =>
        h(
          "button",
          {
            type: "button",
            "aria-pressed": String(span === this.span),
            onclick: () => {
              this.span = span;
              this.drawCharts();
              this.charts.querySelectorAll<HTMLElement>(".segments button")[index]?.focus();
            },
          },
          t(span, language),
        ),
      ),
    );
  }

  private one(series: Series, { language, time }: State): HTMLElement {
    const { property, collection, times } = series;
    const [first, last] = [times[0] ?? time, times[times.length - 1] ?? time];
    const length = Math.min(LENGTH[this.span], last - first);
    const from = Math.min(Math.max(time - length / 2, first), last - length);
    const scale = scalesOf(this.catalogue).find((one) => covers(one, first));
    const options: ChartOptions = {
      language,
      timeZone: this.catalogue.city.time_zone,
      time,
      from,
      to: from + length,
      choose: (instant) => scale && this.store.set({ time: snap(scale, instant) }),
    };
    const now = valueAt(series, time, Math.max(HOUR, times.length > 1 ? (times[1] ?? 0) - first : 0));
    const amount =
      typeof now?.value === "number" ? quantity(now.value, property.unit, language) : t("noValue", language);
    const { doubtful } = summary(series);
    return h(
      "section",
      { class: "series", "data-key": `${collection.id}.${property.name}` },
      h(
        "header",
        {},
        h("h4", {}, property.title[language]),
        h(
          "p",
          { class: now?.doubt ? "amount doubtful" : "amount" },
          amount,
          now?.doubt ? ` (${now.doubt[language]})` : "",
        ),
      ),
      chart(series, options),
      doubtful > 0 &&
        h(
          "p",
          { class: "hint doubts" },
          `${doubtful} ${t(doubtful > 1 ? "doubtfulValues" : "doubtfulValue", language)}`,
        ),
      table(series, options),
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
