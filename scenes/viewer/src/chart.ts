/** A chart of one series or two: good values as lines, doubtful ones in grey, a reference, the time shown as a rule. */

import { h, s } from "./dom";
import { t } from "./i18n";
import { absence, type Series, summary, valueAt } from "./series";
import { clock, DAY, LONG, midnights, newYears, shortDate, shortInstant } from "./time";
import { quantity, unit } from "./units";
import type { Language } from "./text";

const [WIDTH, HEIGHT] = [360, 150];
const [LEFT, RIGHT, TOP, BOTTOM] = [34, 6, 20, 20];

export interface ChartOptions {
  language: Language;
  timeZone: string;
  /** First and last instant drawn. */
  from: number;
  to: number;
  /** Called with the instant that the person chooses on the chart. */
  choose: (time: number) => void;
}

/** A series with the name of its object. */
export interface Named {
  name: string;
  series: Series;
}

export interface Chart {
  element: HTMLElement;
  /** Moves the rule to an instant. */
  follow: (time: number) => void;
}

/** Draws the chart; what it shows is also told in its label and in {@link table}. */
export function chart(series: Series, other: Named | null, options: ChartOptions): Chart {
  const { language, timeZone, from, to } = options;
  const inside = within(series, from, to);
  const beside = other ? within(other.series, from, to) : [];
  const { reference } = series.property;
  const shown = [
    ...inside.flatMap(([, i]) => series.values[i] ?? []),
    ...beside.flatMap(([, i]) => other?.series.values[i] ?? []),
    ...(reference ? [reference.value] : []),
  ];
  const ticks = niceTicks(Math.min(...shown), Math.max(...shown));
  const [low, high] = [ticks[0] ?? 0, ticks[ticks.length - 1] ?? 1];
  const x = (time: number) => LEFT + ((time - from) / (to - from || 1)) * (WIDTH - LEFT - RIGHT);
  const y = (value: number) => TOP + (1 - (value - low) / (high - low || 1)) * (HEIGHT - TOP - BOTTOM);
  const doubtful = inside.flatMap(([time, i]) => {
    const [value, doubt] = [series.values[i], series.doubts[i]];
    if (typeof value !== "number" || !doubt) return [];
    const said = `${shortInstant(time, language, timeZone)} : ${quantity(value, series.property.unit, language)}, ${doubt[language]}`;
    return [s("circle", { cx: x(time), cy: y(value), r: 2, class: "doubtful" }, s("title", {}, said))];
  });
  const readout = h("output", { class: "readout" });
  const rule = s("line", { y1: TOP - 4, y2: HEIGHT - BOTTOM, class: "now" });
  const cursor = s("line", { y1: TOP, y2: HEIGHT - BOTTOM, class: "cursor", visibility: "hidden" });
  const svg = s(
    "svg",
    {
      viewBox: `0 0 ${WIDTH} ${HEIGHT}`,
      class: "chart",
      role: "img",
      "aria-label": [spoken(series, language), other && `${other.name} – ${spoken(other.series, language)}`]
        .filter(Boolean)
        .join(" "),
    },
    s("text", { x: 0, y: 9 }, unit(series.property.unit, language, high)),
    ticks.map((tick) =>
      s(
        "g",
        { class: "tick" },
        s("line", { x1: LEFT, x2: WIDTH - RIGHT, y1: y(tick), y2: y(tick) }),
        s("text", { x: LEFT - 5, y: y(tick) + 3, "text-anchor": "end" }, quantity(tick, null, language)),
      ),
    ),
    dayTicks(from, to, timeZone).map((time, i, all) =>
      s(
        "g",
        { class: "day" },
        s("line", { x1: x(time), x2: x(time), y1: HEIGHT - BOTTOM, y2: HEIGHT - BOTTOM + 3 }),
        i % Math.ceil(all.length / 6) === 0 &&
          x(time) < WIDTH - 24 &&
          s("text", { x: x(time), y: HEIGHT - 5 }, label(time, to - from, language, timeZone)),
      ),
    ),
    reference &&
      s(
        "g",
        { class: "reference" },
        s("line", { x1: LEFT, x2: WIDTH - RIGHT, y1: y(reference.value), y2: y(reference.value) }),
        s(
          "text",
          { x: WIDTH - RIGHT, y: y(reference.value) - 3, "text-anchor": "end" },
          reference.title[language],
        ),
      ),
    other && s("path", { d: path(other.series, beside, x, y), class: "line other" }),
    s("path", { d: path(series, inside, x, y), class: "line" }),
    doubtful,
    rule,
    cursor,
  );
  const timeAt = (event: PointerEvent) => {
    const box = svg.getBoundingClientRect();
    const place = ((event.clientX - box.left) / box.width) * WIDTH;
    return from + ((place - LEFT) / (WIDTH - LEFT - RIGHT)) * (to - from);
  };
  svg.addEventListener("pointermove", (event) => {
    const i = nearest(series.times, timeAt(event));
    const [time, value, doubt] = [series.times[i], series.values[i], series.doubts[i]];
    if (time === undefined || time < from || time > to) return;
    cursor.setAttribute("transform", `translate(${x(time)} 0)`);
    cursor.setAttribute("visibility", "visible");
    const amount =
      typeof value === "number" ? quantity(value, series.property.unit, language) : absence(series, language);
    const second = other && valueAt(other.series, time, 0)?.value;
    const compared =
      typeof second === "number" ? ` · ${other?.name} ${quantity(second, series.property.unit, language)}` : "";
    readout.textContent = `${shortInstant(time, language, timeZone)} · ${amount}${doubt ? ` · ${doubt[language]}` : ""}${compared}`;
  });
  svg.addEventListener("pointerleave", () => {
    cursor.setAttribute("visibility", "hidden");
    readout.textContent = "";
  });
  svg.addEventListener("click", (event) => options.choose(timeAt(event as PointerEvent)));
  const follow = (time: number) => {
    rule.setAttribute("visibility", time >= from && time <= to ? "visible" : "hidden");
    rule.setAttribute("transform", `translate(${x(time).toFixed(1)} 0)`);
  };
  return { element: h("div", { class: "chart-box" }, svg, readout), follow };
}

/** The instants of a series in a span, each with its index. */
function within({ times }: Series, from: number, to: number): [number, number][] {
  return times.map((time, i): [number, number] => [time, i]).filter(([time]) => time >= from && time <= to);
}

/** The good values of a series as a line, broken where some are missing. */
function path(
  series: Series,
  inside: [number, number][],
  x: (time: number) => number,
  y: (value: number) => number,
): string {
  const spacing = usualSpacing(series.times);
  let [line, last] = ["", -Infinity];
  for (const [time, i] of inside) {
    const value = series.values[i];
    if (typeof value !== "number" || series.doubts[i]) continue;
    line += `${time - last > 1.5 * spacing ? "M" : "L"}${x(time).toFixed(1)} ${y(value).toFixed(1)}`;
    last = time;
  }
  return line;
}

/** The same facts as the chart, as a table whose rows are made when it is opened. */
export function table(
  series: Series,
  other: Named | null,
  { language, timeZone }: Pick<ChartOptions, "language" | "timeZone">,
): HTMLElement {
  const symbol = unit(series.property.unit, language, summary(series).maximum);
  const judged = series.doubts.length > 0;
  const head = [
    t("instant", language),
    `${t("value", language)}${symbol ? ` (${symbol})` : ""}`,
    ...(judged ? [t("quality", language)] : []),
    ...(other ? [other.name] : []),
  ];
  const body = h("tbody");
  const details = h(
    "details",
    { class: "table" },
    h("summary", {}, t("table", language)),
    h(
      "div",
      { class: "scroll", tabindex: 0, role: "region", "aria-label": series.property.title[language] },
      h(
        "table",
        {},
        h(
          "thead",
          {},
          h(
            "tr",
            {},
            head.map((title) => h("th", { scope: "col" }, title)),
          ),
        ),
        body,
      ),
    ),
  );
  details.addEventListener("toggle", () => {
    if (!details.open || body.childElementCount) return;
    const second = new Map(other?.series.times.map((time, i) => [time, i]));
    body.append(
      ...series.times.map((time, i) => {
        const at = second.get(time) ?? -1;
        const compared = other?.series.values[at] ?? null;
        const doubted = other?.series.doubts[at];
        const [value, doubt] = [series.values[i], series.doubts[i]];
        const none = value === null || value === undefined;
        return h(
          "tr",
          doubt ? { class: "doubtful" } : {},
          h("th", { scope: "row" }, shortInstant(time, language, timeZone)),
          h("td", {}, none ? "–" : quantity(value, null, language)),
          judged && h("td", {}, none ? absence(series, language) : doubt ? doubt[language] : t("good", language)),
          other &&
            h(
              "td",
              {},
              compared === null
                ? "–"
                : quantity(compared, null, language) + (doubted ? ` (${doubted[language]})` : ""),
            ),
        );
      }),
    );
  });
  return details;
}

/** One sentence that says what the chart shows. */
function spoken(series: Series, language: Language): string {
  const { minimum, maximum, mean, count, doubtful, missing } = summary(series);
  const doubts = series.doubts.length > 0 ? `${doubtful} ${t("doubtfulValues", language)}, ` : "";
  const amount = (value: number) => quantity(value, series.property.unit, language);
  const extremes =
    count > 0
      ? `${t("minimum", language)} ${amount(minimum)}, ${t("mean", language)} ${amount(mean)}, ${t("maximum", language)} ${amount(maximum)}, `
      : "";
  return `${series.property.title[language]} : ${extremes}${doubts}${missing} ${t("missingValues", language)}.`;
}

function niceTicks(low: number, high: number): number[] {
  if (!Number.isFinite(low) || !Number.isFinite(high)) return [0, 1];
  const span = high - low || Math.abs(high) || 1;
  const rough = span / 3;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = ([1, 2, 2.5, 5, 10].find((factor) => factor * power >= rough) ?? 10) * power;
  const first = Math.floor(low / step);
  const count = Math.max(Math.ceil(high / step) - first, 1);
  return Array.from({ length: count + 1 }, (_, i) => Number(((first + i) * step).toPrecision(12)));
}

function dayTicks(from: number, to: number, timeZone: string): number[] {
  if (to - from <= 1.5 * DAY) {
    const first = Math.ceil(from / (DAY / 8)) * (DAY / 8);
    return Array.from({ length: Math.floor((to - first) / (DAY / 8)) + 1 }, (_, i) => first + (i * DAY) / 8);
  }
  return to - from > LONG ? newYears(from, to) : midnights(from, to, timeZone);
}

function label(time: number, span: number, language: Language, timeZone: string): string {
  if (span > LONG) return String(new Date(time).getUTCFullYear());
  return span <= 1.5 * DAY ? clock(time, language, timeZone) : shortDate(time, language, timeZone);
}

/** The spacing that most neighbouring instants have. */
function usualSpacing(times: number[]): number {
  const gaps = times
    .slice(1)
    .map((time, i) => time - (times[i] ?? time))
    .sort((a, b) => a - b);
  return gaps[Math.floor(gaps.length / 2)] ?? DAY;
}

function nearest(times: number[], time: number): number {
  let [low, high] = [0, times.length - 1];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if ((times[middle] ?? 0) < time) low = middle;
    else high = middle;
  }
  return Math.abs((times[low] ?? 0) - time) <= Math.abs((times[high] ?? 0) - time) ? low : high;
}
