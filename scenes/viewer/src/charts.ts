/** The charts of a card: a group for each collection, read when it is opened, and how much of time they show. */

import type { Catalogue } from "./catalogue";
import { h } from "./dom";
import { type Message, t } from "./i18n";
import type { Series } from "./series";
import { SeriesView, SPANS, type Span, type ViewOptions } from "./seriesview";
import type { Store } from "./state";
import type { Text } from "./text";
import { covers, scalesOf, snap } from "./time";

export interface Group {
  title: Text;
  open: boolean;
  /** Reads what the group shows: series, drawn as `options` say, and sentences. */
  read: (options: (series: Series) => ViewOptions) => Promise<(SeriesView | HTMLElement)[]>;
}

export interface Content {
  title: Message;
  /** Whether some series are dense enough to choose how much of them is shown. */
  spans: boolean;
  /** A control above the groups. */
  control?: HTMLElement;
  groups: Group[];
}

export class Charts {
  readonly element = h("div", { class: "charts" });
  private span: Span = "week";
  private content: Content | null = null;
  private views: SeriesView[] = [];

  constructor(
    private readonly catalogue: Catalogue,
    private readonly store: Store,
  ) {
    store.watch(["time"], ({ time }) => {
      for (const view of this.views) view.follow(time);
    });
  }

  /** Shows the groups of `content`, one sentence in their place, or nothing. */
  show(content: Content | string | null): void {
    this.content = typeof content === "string" ? null : content;
    this.draw();
    if (typeof content === "string") this.element.append(h("p", { class: "hint" }, content));
  }

  private draw(): void {
    this.views = [];
    this.element.replaceChildren();
    if (!this.content) return;
    const { title, spans, control, groups } = this.content;
    const { language } = this.store.current;
    this.element.append(
      h("h3", {}, t(title, language)),
      spans ? this.spans() : "",
      control ?? "",
      ...groups.map((group) => this.group(group)),
    );
  }

  private spans(): HTMLElement {
    const { language } = this.store.current;
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

  private group({ title, open, read }: Group): HTMLElement {
    const { language } = this.store.current;
    const body = h("div", {}, h("p", { class: "hint" }, t("loadingSeries", language)));
    const details = h("details", { class: "group" }, h("summary", {}, title[language]), body);
    const fill = async () => {
      const parts = await read((series) => this.options(series));
      if (!body.isConnected) return;
      const views = parts.filter((part) => part instanceof SeriesView);
      for (const view of views) view.follow(this.store.current.time);
      this.views.push(...views);
      body.replaceChildren(...parts.map((part) => (part instanceof SeriesView ? part.element : part)));
    };
    details.addEventListener("toggle", () => details.open && void fill(), { once: true });
    details.open = open;
    return details;
  }

  private options({ times }: Series): ViewOptions {
    const scale = scalesOf(this.catalogue).find((one) => covers(one, times[0] ?? 0));
    return {
      language: this.store.current.language,
      timeZone: this.catalogue.city.time_zone,
      span: this.span,
      choose: (instant) => scale && this.store.set({ time: snap(scale, instant) }),
    };
  }
}
