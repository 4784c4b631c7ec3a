/** One series in the card: its value at the time shown, its chart, its table. */

import { type Chart, chart, type Named, table } from "./chart";
import { h } from "./dom";
import { t } from "./i18n";
import { absence, type Series, summary, valueAt } from "./series";
import { DAY } from "./time";
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
  /** What is said between the value and its chart. */
  note?: HTMLElement;
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
      options.note,
      this.place,
      other && h("p", { class: "hint compared" }, other.name),
      doubtful > 0 && h("p", { class: "hint doubts" }, doubts),
      series.times.length > 1 && table(series, other, options),
    );
  }

  /** Shows the value at `time`, and the rule on the chart, where there is more than one value to draw. */
  follow(time: number): void {
    const { language } = this.options;
    const { times, property } = this.series;
    if (times.length > 1) this.turn(time).follow(time);
    const now = valueAt(this.series, time);
    const value =
      typeof now?.value === "number" ? quantity(now.value, property.unit, language) : absence(this.series, language);
    this.amount.textContent = now?.doubt ? `${value} (${now.doubt[language]})` : value;
    this.amount.classList.toggle("doubtful", Boolean(now?.doubt));
  }

  /** The chart whose window holds `time`: drawn again only when the window turns. */
  private turn(time: number): Chart {
    const [from, to] = this.window(time);
    if (this.drawn?.from !== from) {
      this.drawn = { from, chart: chart(this.series, this.other, { ...this.options, from, to }) };
      this.place.replaceChildren(this.drawn.chart.element);
    }
    return this.drawn.chart;
  }

  /**
   * First and last instant of the chart: windows overlap by half, so that `time` is never near an edge.
   * A series rarer than daily is drawn whole.
   */
  private window(time: number): [number, number] {
    const { times } = this.series;
    const [first, last] = [times[0] ?? time, times[times.length - 1] ?? time];
    const rare = (times[1] ?? first) - first > DAY;
    const length = Math.min(rare ? Infinity : LENGTH[this.options.span], last - first);
    const turn = Math.round((time - first) / (length / 2 || 1)) - 1;
    const from = first + Math.min(Math.max((turn * length) / 2, 0), last - first - length);
    return [from, from + length];
  }
}
