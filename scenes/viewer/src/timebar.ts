/** The time bar: a range input over the hours of the catalogue, steps, play and pause. */

import type { Catalogue, Language } from "./catalogue";
import { h, icon, s } from "./dom";
import { t } from "./i18n";
import type { Store } from "./state";
import { clock, HOUR, indexOf, instantOf, longDate, midnights, type Steps, shortDate } from "./time";

const PLAY = "M8 5v14l11-7z";
const PAUSE = "M7 5h4v14H7zm6 0h4v14h-4z";
const ON = "M9 5l7 7-7 7";
const BACK = "M15 5l-7 7 7 7";
/** Milliseconds between two hours while playing. */
const PACE = 220;

export class TimeBar {
  readonly element = h("section", { class: "timebar" });
  private readonly profile = s("path", { class: "profile" });

  constructor(
    private readonly catalogue: Catalogue,
    private readonly steps: Steps,
    private readonly store: Store,
  ) {
    store.watch(["language"], ({ language }) => this.build(language));
    store.watch(["time", "language"], () => this.follow());
    store.watch(["playing", "language"], () => this.followPlay());
    store.watch(["playing"], ({ playing }) => playing && this.play());
  }

  /** Draws behind the slider how the city's mean goes, so that one sees when there is something to see. */
  showProfile(means: Float32Array | null): void {
    const finite = means?.filter(Number.isFinite);
    if (!means || !finite?.length) {
      this.profile.setAttribute("d", "");
      return;
    }
    const [low, high] = [Math.min(...finite), Math.max(...finite)];
    const points = Array.from(means, (mean, i) =>
      Number.isFinite(mean)
        ? `L${((i / (means.length - 1)) * 1000).toFixed(1)} ${(92 - 84 * ((mean - low) / (high - low || 1))).toFixed(1)}`
        : "",
    ).join("");
    this.profile.setAttribute("d", `M0 100${points}L1000 100Z`);
  }

  private move(hours: number): void {
    const { steps, store } = this;
    store.set({ time: instantOf(steps, indexOf(steps, store.current.time + hours * HOUR)) });
  }

  private play(): void {
    let due = performance.now() + PACE;
    const frame = (now: number) => {
      if (!this.store.current.playing) return;
      if (now >= due) {
        due = now + PACE;
        const next = indexOf(this.steps, this.store.current.time) + 1;
        this.store.set({ time: instantOf(this.steps, next < this.steps.count ? next : 0) });
      }
      requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);
  }

  private build(language: Language): void {
    const zone = this.catalogue.city.time_zone;
    const button = (message: Parameters<typeof t>[0], path: string, run: () => void, kind = "") =>
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
      max: this.steps.count - 1,
      step: 1,
      "aria-label": t("time", language),
      oninput: (event: Event) =>
        this.store.set({ time: instantOf(this.steps, Number((event.target as HTMLInputElement).value)) }),
      onkeydown: (event: KeyboardEvent) => {
        const hours = { PageUp: 24, PageDown: -24 }[event.key];
        if (!hours) return;
        event.preventDefault();
        this.move(hours);
      },
    });
    const days = midnights(this.steps, zone);
    const every = Math.ceil(days.length / 6);
    const place = (time: number) =>
      `left:${((time - this.steps.start) / HOUR / (this.steps.count - 1)) * 100}%`;
    this.element.setAttribute("aria-label", t("time", language));
    this.element.replaceChildren(
      h(
        "div",
        { class: "controls" },
        button("hourBack", BACK, () => this.move(-1)),
        button("play", PLAY, () => this.store.set({ playing: !this.store.current.playing }), "play"),
        button("hourOn", ON, () => this.move(1)),
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
        h(
          "div",
          { class: "days", "aria-hidden": "true" },
          days.map((time, i) =>
            h("span", { style: place(time) }, i % every === 0 ? shortDate(time, language, zone) : ""),
          ),
        ),
      ),
    );
  }

  private follow(): void {
    const { language, time } = this.store.current;
    const zone = this.catalogue.city.time_zone;
    const slider = this.element.querySelector("input");
    const [hour, date] = [clock(time, language, zone), longDate(time, language, zone)];
    if (slider) {
      const index = indexOf(this.steps, time);
      slider.value = String(index);
      slider.style.setProperty("--share", String(index / (this.steps.count - 1)));
      slider.setAttribute("aria-valuetext", `${date}, ${hour}`);
    }
    const set = (selector: string, text: string) => {
      const element = this.element.querySelector(selector);
      if (element) element.textContent = text;
    };
    set(".clock", hour);
    set(".date", date);
  }

  private followPlay(): void {
    const { language, playing } = this.store.current;
    const button = this.element.querySelector(".play");
    button?.replaceChildren(icon(playing ? PAUSE : PLAY));
    button?.setAttribute("aria-label", t(playing ? "pause" : "play", language));
  }
}
