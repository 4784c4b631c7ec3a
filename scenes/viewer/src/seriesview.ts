/** One series in the card: its value at the time shown, its chart, its table. */

import { type Chart, chart, type Named, table } from "./chart";
import { h } from "./dom";
import { t } from "./i18n";
import { type Series, summary, valueAt } from "./series";
import { DAY, HOUR } from "./time";
import { quantity } from "./units";
import type { Language } from "./text";

/** How much of a series its chart shows. */
export const SPANS = ["day", "week", "all"] as const;
export type Span = (typeof SPANS)[number];
const LENGTH: Record<Span, number> = { day: DAY, week: 7 * DAY, all: Infinity };

export interface ViewOptions {
  language: Language;
  timeZone: string;
  span: Span;
  /** Called with the instant that the person chooses on the chart. */
  choose: (time: number) => void;
}

export class SeriesView {
  readonly element: HTMLElement;
  private readonly amount = h("p", { class: "amount" });
  private readonly place = h("div");
  private drawn: { from: number; chart: Chart } | null = null;

  constructor(
    private readonly series: Series,
    private readonly other: Named | null,
    private readonly options: ViewOptions,
  ) {
    const { language } = options;
    const { doubtful } = summary(series);
    const reasons = [...new Set(series.doubts.flatMap((doubt) => doubt?.[language] ?? []))].join(", ");
    const doubts = `${doubtful} ${t(doubtful > 1 ? "doubtfulValues" : "doubtfulValue", language)} : ${reasons}`;
    this.element = h(
      "section",
      { class: "series" },
      h("header", {}, h("h4", {}, series.property.title[language]), this.amount),
      this.place,
      other && h("p", { class: "hint compared" }, other.name),
      doubtful > 0 && h("p", { class: "hint doubts" }, doubts),
      table(series, other, options),
    );
  }

  /** Shows the value and the rule at `time`; the chart is drawn again only when its window turns. */
  follow(time: number): void {
    const { language } = this.options;
    const { times, property } = this.series;
    const [from, to] = this.window(time);
    if (this.drawn?.from !== from) {
      this.drawn = { from, chart: chart(this.series, this.other, { ...this.options, from, to }) };
      this.place.replaceChildren(this.drawn.chart.element);
    }
    this.drawn.chart.follow(time);
    const step = (times[1] ?? 0) - (times[0] ?? 0);
    const now = valueAt(this.series, time, Math.max(HOUR, step));
    const value =
      typeof now?.value === "number" ? quantity(now.value, property.unit, language) : t("noValue", language);
    this.amount.textContent = now?.doubt ? `${value} (${now.doubt[language]})` : value;
    this.amount.classList.toggle("doubtful", Boolean(now?.doubt));
  }

  /** First and last instant of the chart: windows overlap by half, so that `time` is never near an edge. */
  private window(time: number): [number, number] {
    const { times } = this.series;
    const [first, last] = [times[0] ?? time, times[times.length - 1] ?? time];
    const length = Math.min(LENGTH[this.options.span], last - first);
    const turn = Math.round((time - first) / (length / 2 || 1)) - 1;
    const from = first + Math.min(Math.max((turn * length) / 2, 0), last - first - length);
    return [from, from + length];
  }
}
