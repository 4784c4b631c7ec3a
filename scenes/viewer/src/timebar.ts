/** The time bar: a range input over the instants of a scale, steps, play and pause. */

import type { Catalogue } from "./catalogue";
import { h, icon, s } from "./dom";
import { type Message, t } from "./i18n";
import type { Store } from "./state";
import {
  clock,
  covers,
  indexOf,
  longDate,
  meaningfulInstant,
  midnights,
  type Scale,
  shortDate,
  snap,
} from "./time";
import type { Language } from "./text";

const PLAY = "M8 5v14l11-7z";
const PAUSE = "M7 5h4v14H7zm6 0h4v14h-4z";
const ON = "M9 5l7 7-7 7";
const BACK = "M15 5l-7 7 7 7";
/** Milliseconds between two steps while playing. */
const PACE: Record<Scale["kind"], number> = { hours: 200, years: 900 };
const TICKS = 7;
/** Share of the bar that a label takes: none begins closer to its end, where it would run under what follows. */
const LAST_LABEL = 0.75 / TICKS;

export class TimeBar {
  readonly element = h("section", { class: "timebar" });
  private readonly profile = s("path", { class: "profile" });
  private scale: Scale;

  /** `scales` has one at least; the first that stops at the time of the store is shown. */
  constructor(
    private readonly catalogue: Catalogue,
    private readonly scales: [Scale, ...Scale[]],
    private readonly store: Store,
  ) {
    this.scale = this.scaleAt(store.current.time);
    store.watch(["language"], () => this.build());
    store.watch(["time", "language"], () => this.follow());
    store.watch(["playing", "language"], () => this.followPlay());
    store.watch(["playing"], ({ playing }) => playing && this.play());
  }

  /** Draws behind the hours how the city's mean goes, so that one sees when there is something to see. */
  showProfile(course: { time: number; mean: number }[]): void {
    const { instants } = this.scales[0];
    const [first, last] = [instants[0] ?? 0, instants[instants.length - 1] ?? 1];
    const x = (time: number) => (((time - first) / (last - first)) * 1000).toFixed(1);
    const means = course.map(({ mean }) => mean);
    const [low, high] = [Math.min(...means), Math.max(...means)];
    const y = (mean: number) => (92 - (84 * (mean - low)) / (high - low || 1)).toFixed(1);
    const points = course.map(({ time, mean }) => `L${x(time)} ${y(mean)}`).join("");
    const [from, to] = [course[0], course[course.length - 1]];
    this.profile.setAttribute("d", from && to ? `M${x(from.time)} 100${points}L${x(to.time)} 100Z` : "");
  }

  private scaleAt(time: number): Scale {
    return this.scales.find((scale) => snap(scale, time) === time) ?? this.scales[0];
  }

  private move(steps: number): void {
    const { instants } = this.scale;
    const index = indexOf(this.scale, this.store.current.time) + steps;
    const time = instants[Math.min(Math.max(index, 0), instants.length - 1)];
    if (time !== undefined) this.store.set({ time });
  }

  private use(scale: Scale): void {
    const { time } = this.store.current;
    this.scale = scale;
    this.store.set({
      time: covers(scale, time) ? snap(scale, time) : meaningfulInstant(scale, this.catalogue.city.time_zone),
    });
    this.build();
    this.follow();
    this.followPlay();
  }

  private play(): void {
    let due = performance.now() + PACE[this.scale.kind];
    const frame = (now: number) => {
      if (!this.store.current.playing) return;
      if (now >= due) {
        due = now + PACE[this.scale.kind];
        const { instants } = this.scale;
        const next = (indexOf(this.scale, this.store.current.time) + 1) % instants.length;
        this.store.set({ time: instants[next] ?? 0 });
      }
      requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);
  }

  private build(): void {
    const { language } = this.store.current;
    const { scale } = this;
    const button = (message: Message, path: string, run: () => void, kind = "") =>
      h(
        "button",
        {
          type: "button",
          class: `round ${kind}`,
          "aria-label": t(message, language),
          title: t(message, language),
          onclick: run,
        },
        icon(path),
      );
    const slider = h("input", {
      type: "range",
      id: "time",
      min: 0,
      max: scale.instants.length - 1,
      step: 1,
      "aria-label": t("time", language),
      oninput: (event: Event) =>
        this.store.set({ time: scale.instants[Number((event.target as HTMLInputElement).value)] ?? 0 }),
      onkeydown: (event: KeyboardEvent) => {
        const steps = { PageUp: 24, PageDown: -24 }[event.key];
        if (!steps || scale.kind !== "hours") return;
        event.preventDefault();
        this.move(steps);
      },
    });
    this.element.setAttribute("aria-label", t("time", language));
    this.element.dataset.scale = scale.kind;
    this.element.replaceChildren(
      h(
        "div",
        { class: "controls" },
        button("stepBack", BACK, () => this.move(-1)),
        button("play", PLAY, () => this.store.set({ playing: !this.store.current.playing }), "play"),
        button("stepOn", ON, () => this.move(1)),
      ),
      h("p", { class: "when" }, h("strong", { class: "clock" }), h("span", { class: "date" })),
      h(
        "div",
        { class: "track" },
        s(
          "svg",
          { viewBox: "0 0 1000 100", preserveAspectRatio: "none", "aria-hidden": "true" },
          this.profile,
        ),
        slider,
        h("div", { class: "days", "aria-hidden": "true" }, this.ticks(language)),
      ),
      this.scales.length > 1 ? this.choice(language) : "",
    );
  }

  private choice(language: Language): HTMLElement {
    return h(
      "div",
      { class: "segments", role: "group", "aria-label": t("scale", language) },
      this.scales.map((scale, index) =>
        h(
          "button",
          {
            type: "button",
            "aria-pressed": String(scale === this.scale),
            onclick: () => {
              this.use(scale);
              this.element.querySelectorAll<HTMLElement>(".segments button")[index]?.focus();
            },
          },
          t(scale.kind, language),
        ),
      ),
    );
  }

  private ticks(language: Language): HTMLElement[] {
    const zone = this.catalogue.city.time_zone;
    const { kind, instants } = this.scale;
    const [first, last] = [instants[0] ?? 0, instants[instants.length - 1] ?? 0];
    const times = kind === "hours" ? midnights(first, last, zone) : instants.slice(0, -1);
    const every = Math.ceil(times.length / TICKS);
    const text = (time: number) =>
      kind === "hours" ? shortDate(time, language, zone) : String(new Date(time).getUTCFullYear());
    return times.map((time, i) => {
      const share = indexOf(this.scale, time) / (instants.length - 1);
      const told = i % every === 0 && share <= 1 - LAST_LABEL;
      return h("span", { style: `left:${share * 100}%` }, told ? text(time) : "");
    });
  }

  private follow(): void {
    const { language, time } = this.store.current;
    if (snap(this.scale, time) !== time) {
      this.use(this.scaleAt(time));
      return;
    }
    const zone = this.catalogue.city.time_zone;
    const yearly = this.scale.kind === "years";
    const [hour, date] = [clock(time, language, zone), longDate(time, language, zone)];
    const slider = this.element.querySelector("input");
    if (slider) {
      slider.value = String(indexOf(this.scale, time));
      slider.setAttribute("aria-valuetext", yearly ? date : `${date}, ${hour}`);
    }
    const set = (selector: string, text: string) => {
      const element = this.element.querySelector(selector);
      if (element) element.textContent = text;
    };
    set(".clock", yearly ? String(new Date(time).getUTCFullYear()) : hour);
    set(".date", date);
  }

  private followPlay(): void {
    const { language, playing } = this.store.current;
    const button = this.element.querySelector(".play");
    button?.replaceChildren(icon(playing ? PAUSE : PLAY));
    button?.setAttribute("aria-label", t(playing ? "pause" : "play", language));
  }
}
