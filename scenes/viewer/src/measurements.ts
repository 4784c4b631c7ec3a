/** What is measured on one object: a group for each time-series collection. */

import { type Catalogue, type Collection, measures, seriesOf } from "./catalogue";
import { Charts, type Group } from "./charts";
import { Comparison } from "./comparison";
import { h } from "./dom";
import { t } from "./i18n";
import type { Outcome } from "./outcome";
import { loadSeries, type Series } from "./series";
import { SeriesView, type ViewOptions } from "./seriesview";
import type { Store } from "./state";

interface Subject {
  collection: Collection;
  id: string;
}

export class Measurements {
  private readonly charts: Charts;
  private readonly comparison: Comparison;
  private subject: Subject | null = null;
  private readonly read = new Map<string, Promise<Outcome<Series[]>>>();

  constructor(
    private readonly catalogue: Catalogue,
    private readonly store: Store,
  ) {
    this.charts = new Charts(catalogue, store);
    this.comparison = new Comparison(store);
    store.watch(["language", "compared"], () => this.draw());
  }

  get element(): HTMLElement {
    return this.charts.element;
  }

  /** Shows the series of one object, or of none. */
  show(subject: Subject | null): void {
    this.subject = subject;
    this.read.clear();
    this.draw();
  }

  private draw(): void {
    const { subject } = this;
    if (!subject) {
      this.charts.show(null);
      return;
    }
    const collections = seriesOf(this.catalogue, subject.collection.id);
    if (collections.length === 0) {
      this.charts.show(t("noSeries", this.store.current.language));
      return;
    }
    const first = this.chosen?.collection;
    const rank = (one: Collection) => Number(one !== first) + Number(!one.style.visible);
    collections.sort((a, b) => rank(a) - rank(b));
    const groups = collections.map((series, i): Group => {
      return { title: series.title, open: i === 0, read: (options) => this.views(series, subject, options) };
    });
    this.charts.show({ title: "series", spans: true, control: this.comparison.choice(subject), groups });
  }

  private get chosen() {
    return measures(this.catalogue).get(this.store.current.measure ?? "");
  }

  private async views(
    collection: Collection,
    subject: Subject,
    options: (series: Series) => ViewOptions,
  ): Promise<(SeriesView | HTMLElement)[]> {
    const names = collection.objects?.[subject.collection.id] ?? [];
    const { compared } = this.store.current;
    const [series, others, name] = await Promise.all([
      this.seriesOf(collection, subject.id, names),
      compared === null ? null : this.seriesOf(collection, compared, names),
      this.comparison.nameOf(subject.collection, compared),
    ]);
    const { language } = this.store.current;
    if (!series.ok) return [h("p", { class: "problem", role: "alert" }, series.problem.message[language])];
    const first = this.chosen?.property.name;
    const ordered = series.value.toSorted(
      (a, b) => Number(b.property.name === first) - Number(a.property.name === first),
    );
    const besides = (one: Series) =>
      others?.ok ? others.value.find(({ property }) => property.name === one.property.name) : undefined;
    const views = ordered.map((one) => {
      const other = besides(one);
      return new SeriesView(one, other ? { name, series: other } : null, options(one));
    });
    const hint = (text: string) => h("p", { class: "hint" }, text);
    return [
      ...(others && !ordered.some(besides) ? [hint(`${name} : ${t("notThere", language)}`)] : []),
      ...(views.length ? views : [hint(t("noSeries", language))]),
    ];
  }

  private seriesOf(collection: Collection, id: string, names: string[]): Promise<Outcome<Series[]>> {
    const key = `${collection.id}/${id}`;
    const answer = this.read.get(key) ?? loadSeries(collection, id, names);
    this.read.set(key, answer);
    return answer;
  }
}
