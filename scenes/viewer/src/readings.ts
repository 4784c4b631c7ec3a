/** What the maps shown say of one place: a group for each coverage, with how sure it is. */

import { type Catalogue, type Collection, mapped } from "./catalogue";
import { Charts, type Group } from "./charts";
import { h } from "./dom";
import { type Message, t } from "./i18n";
import type { Atlas } from "./maps";
import type { Outcome } from "./outcome";
import { loadCell, type Series } from "./series";
import { SeriesView, type ViewOptions } from "./seriesview";
import type { Place, Store } from "./state";
import { sureness, whyNone } from "./sureness";

export class Readings {
  private readonly charts: Charts;
  private place: Place | null = null;
  /** What is said where no map is shown. */
  private otherwise: Message | null = null;
  /** What is said of the map shown, by coverage. */
  private readonly notes = new Map<Collection, HTMLElement>();
  private readonly read = new Map<Collection, Promise<Outcome<Series[]>>>();

  constructor(
    private readonly catalogue: Catalogue,
    private readonly store: Store,
    private readonly atlas: Atlas,
  ) {
    this.charts = new Charts(catalogue, store);
    store.watch(["language", "theme", "layers"], () => this.draw());
    store.watch(["time"], () => this.follow());
    atlas.watch(() => this.follow());
  }

  get element(): HTMLElement {
    return this.charts.element;
  }

  /** Shows what is said of one place, or of none; where no map is shown, the sentence `otherwise`. */
  show(place: Place | null, otherwise: Message | null = null): void {
    this.place = place;
    this.otherwise = otherwise;
    this.read.clear();
    this.draw();
  }

  private draw(): void {
    const { place, otherwise } = this;
    this.notes.clear();
    if (!place) {
      this.charts.show(null);
      return;
    }
    const { language, theme, layers } = this.store.current;
    const shown = mapped(this.catalogue, theme, layers);
    const spans = shown.some((one) => this.atlas.of(one).lasts < Infinity);
    const groups = shown.map((collection): Group => {
      return { title: collection.title, open: true, read: (options) => this.views(collection, place, options) };
    });
    const sentence = otherwise && t(otherwise, language);
    this.charts.show(groups.length > 0 ? { title: "maps", spans, groups } : sentence);
  }

  private async views(
    collection: Collection,
    place: Place,
    options: (series: Series) => ViewOptions,
  ): Promise<(SeriesView | HTMLElement)[]> {
    const answer = await this.cell(collection, place);
    const { language } = this.store.current;
    const hint = (text: string) => h("p", { class: "hint" }, text);
    if (!answer.ok) {
      const { status, message } = answer.problem;
      if (status === 204) return [hint(t("outside", language))];
      return [h("p", { class: "problem", role: "alert" }, message[language])];
    }
    const [series] = answer.value;
    if (!series) return [hint(t("blank", language))];
    const note = hint("");
    this.notes.set(collection, note);
    this.follow();
    return [new SeriesView(series, null, { ...options(series), note })];
  }

  private cell(collection: Collection, place: Place): Promise<Outcome<Series[]>> {
    const { property, lasts } = this.atlas.of(collection);
    const answer = this.read.get(collection) ?? loadCell(collection, property?.name ?? "", place, lasts);
    this.read.set(collection, answer);
    return answer;
  }

  /** Says of each map how sure it is at the time shown, or why there is none. */
  private follow(): void {
    const { language, time } = this.store.current;
    for (const [collection, note] of this.notes) {
      const maps = this.atlas.of(collection);
      const moment = maps.at(time);
      note.textContent = !moment
        ? ""
        : moment.frame
          ? sureness(moment.assessment, maps.property?.unit ?? "", language)
          : whyNone(moment.assessment, language);
    }
  }
}
