/** What is measured on one object: a group for each time-series collection, read when it is opened. */

import { type Catalogue, type Collection, measures, seriesOf } from "./catalogue";
import { h } from "./dom";
import { t } from "./i18n";
import type { Outcome } from "./outcome";
import { Comparison } from "./comparison";
import { loadSeries, type Series } from "./series";
import { SeriesView, SPANS, type Span } from "./seriesview";
import type { Store } from "./state";
import { covers, scalesOf, snap } from "./time";
import type { Language } from "./text";

export class Measurements {
  readonly element = h("div", { class: "charts" });
  private span: Span = "week";
  private subject: { collection: Collection; id: string } | null = null;
  private views: SeriesView[] = [];
  private readonly read = new Map<string, Promise<Outcome<Series[]>>>();
  private readonly comparison: Comparison;

  constructor(
    private readonly catalogue: Catalogue,
    private readonly store: Store,
  ) {
    this.comparison = new Comparison(store);
    store.watch(["language", "compared"], () => this.draw());
    store.watch(["time"], ({ time }) => {
      for (const view of this.views) view.follow(time);
    });
  }

  /** Shows the series of one object, or of none. */
  show(subject: { collection: Collection; id: string } | null): void {
    this.subject = subject;
    this.read.clear();
    this.draw();
  }

  private draw(): void {
    const { language } = this.store.current;
    this.views = [];
    this.element.replaceChildren();
    if (!this.subject) return;
    const collections = seriesOf(this.catalogue, this.subject.collection.id);
    if (collections.length === 0) {
      this.element.append(h("p", { class: "hint" }, t("noSeries", language)));
      return;
    }
    const first = this.chosen?.collection;
    const rank = (one: Collection) => Number(one !== first) + Number(!one.style.visible);
    collections.sort((a, b) => rank(a) - rank(b));
    this.element.append(
      h("h3", {}, t("series", language)),
      this.spans(language),
      this.comparison.choice(this.subject),
      ...collections.map((series) => this.group(series, series === collections[0])),
    );
  }

  private get chosen() {
    return measures(this.catalogue).get(this.store.current.measure ?? "");
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
              this.draw();
              this.element.querySelectorAll<HTMLElement>(".segments button")[index]?.focus();
            },
          },
          t(span, language),
        ),
      ),
    );
  }

  private group(series: Collection, open: boolean): HTMLElement {
    const { language } = this.store.current;
    const body = h("div", {}, h("p", { class: "hint" }, t("loadingSeries", language)));
    const group = h("details", { class: "group" }, h("summary", {}, series.title[language]), body);
    group.addEventListener("toggle", () => group.open && void this.fill(body, series), { once: true });
    group.open = open;
    return group;
  }

  private async fill(body: HTMLElement, collection: Collection): Promise<void> {
    const { subject } = this;
    if (!subject) return;
    const names = collection.objects?.[subject.collection.id] ?? [];
    const { compared } = this.store.current;
    const [series, others, name] = await Promise.all([
      this.seriesOf(collection, subject.id, names),
      compared === null ? null : this.seriesOf(collection, compared, names),
      this.comparison.nameOf(subject.collection, compared),
    ]);
    if (!body.isConnected) return;
    const { language, time } = this.store.current;
    if (!series.ok) {
      body.replaceChildren(h("p", { class: "problem", role: "alert" }, series.problem.message[language]));
      return;
    }
    const first = this.chosen?.property.name;
    const ordered = series.value.toSorted(
      (a, b) => Number(b.property.name === first) - Number(a.property.name === first),
    );
    const besides = (one: Series) =>
      others?.ok ? others.value.find(({ property }) => property.name === one.property.name) : undefined;
    const views = ordered.map((one) => this.view(one, besides(one), name));
    for (const view of views) view.follow(time);
    this.views.push(...views);
    const nothing = h("p", { class: "hint" }, t("noSeries", language));
    const notThere = h("p", { class: "hint" }, `${name} : ${t("notThere", language)}`);
    body.replaceChildren(
      ...(others && !ordered.some(besides) ? [notThere] : []),
      ...(views.length ? views.map(({ element }) => element) : [nothing]),
    );
  }

  private seriesOf(collection: Collection, id: string, names: string[]): Promise<Outcome<Series[]>> {
    const key = `${collection.id}/${id}`;
    const answer = this.read.get(key) ?? loadSeries(collection, id, names);
    this.read.set(key, answer);
    return answer;
  }

  private view(series: Series, other: Series | undefined, name: string): SeriesView {
    const first = series.times[0] ?? 0;
    const scale = scalesOf(this.catalogue).find((one) => covers(one, first));
    return new SeriesView(series, other ? { name, series: other } : null, {
      language: this.store.current.language,
      timeZone: this.catalogue.city.time_zone,
      span: this.span,
      choose: (instant) => scale && this.store.set({ time: snap(scale, instant) }),
    });
  }
}
