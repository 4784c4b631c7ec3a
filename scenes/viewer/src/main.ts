/** The page: its frame and words first, then the 3D scene, fetched apart because it is large. */

import "./style.css";
import { loadValues, type Values } from "./binary";
import {
  type Catalogue,
  type Collection,
  loadCatalogue,
  type Measure,
  measures,
  type Ramp,
} from "./catalogue";
import { NO_VALUE, rampOver } from "./colours";
import { h, icon } from "./dom";
import { Hook } from "./hook";
import { type Message, t } from "./i18n";
import { type Item, loadItem, middleOf } from "./items";
import { layerList } from "./layers";
import { rampLegend } from "./legend";
import type { CityScene } from "./map/scene";
import type { Problem } from "./outcome";
import { Panel } from "./panel";
import { keepAddress, languageOf, stateOf } from "./permalink";
import { lists, search } from "./search";
import { Store } from "./state";
import { scalesOf } from "./time";
import { TimeBar } from "./timebar";

const BUTTONS: [Message, "home" | Parameters<CityScene["camera"]["move"]>[0], string][] = [
  ["zoomIn", "zoomIn", "M12 5v14M5 12h14"],
  ["zoomOut", "zoomOut", "M5 12h14"],
  ["turnLeft", "turnLeft", "M4 9a8 8 0 1 1 1 8M4 4v5h5"],
  ["turnRight", "turnRight", "M20 9a8 8 0 1 0-1 8M20 4v5h-5"],
  ["tiltUp", "tiltUp", "M3 17h18M7 12h10M10 7h4"],
  ["tiltDown", "tiltDown", "M5 5h14v14H5z"],
  ["north", "north", "M12 3l4 9h-8zM8 21v-6l8 6v-6"],
  ["home", "home", "M4 11l8-7 8 7M6 10v10h12V10"],
];

async function main(): Promise<void> {
  const app = document.getElementById("app") as HTMLElement;
  const first = languageOf(new URLSearchParams(location.hash.slice(1)).get("lang"));
  document.documentElement.lang = first;
  app.append(h("p", { class: "loading", role: "status" }, t("loading", first)));
  const answer = await loadCatalogue();
  if (!answer.ok) {
    app.replaceChildren(h("p", { class: "loading problem", role: "alert" }, answer.problem.message[first]));
    return;
  }
  const catalogue = answer.value;
  const store = new Store(stateOf(catalogue, location.hash));
  const hook = new Hook(store);
  const page = new Page(app, catalogue, store);
  keepAddress(catalogue, store);
  await page.draw(hook);
}

/** The measure shown, with its values on each collection of objects. */
interface Measured {
  measure: Measure;
  byCollection: Map<string, Values>;
  ramp: Ramp;
}

class Page {
  private readonly canvas = h("canvas", { id: "map", tabindex: 0 });
  private readonly labels = h("div", { class: "labels", "aria-hidden": "true" });
  private readonly status = h("p", { class: "status", role: "status" });
  private readonly side = h("div", { class: "side-content", id: "side" });
  private readonly fallback = h("div", { class: "fallback" });
  private readonly measureLegend = h("div", { class: "measure-legend" });
  private readonly timeBar: TimeBar | null;
  private scene: CityScene | null = null;
  private measured: Measured | null = null;

  constructor(
    private readonly app: HTMLElement,
    private readonly catalogue: Catalogue,
    private readonly store: Store,
  ) {
    const [scale, ...scales] = scalesOf(catalogue);
    this.timeBar = scale ? new TimeBar(catalogue, [scale, ...scales], store) : null;
    const find = h("div", { class: "search" });
    const layers = h("div");
    const card = h("aside", { class: "card", "aria-live": "polite", hidden: true });
    const controls = h("div", { class: "map-controls" });
    const header = h("header", { class: "title" });
    const sources = h("footer", { class: "sources" });
    const toggle = h("button", {
      type: "button",
      class: "sheet-toggle",
      "aria-controls": "side",
      "aria-expanded": "false",
    });
    toggle.addEventListener("click", () => {
      const open = app.classList.toggle("sheet-open");
      toggle.setAttribute("aria-expanded", String(open));
    });
    this.side.append(find, this.fallback, layers, sources);
    app.replaceChildren(
      h("nav", { class: "side" }, header, toggle, this.side),
      h("main", {}, this.canvas, this.labels, this.status, controls),
      card,
      this.timeBar?.element ?? "",
    );
    search(find, catalogue, store, (collection, item) => this.go(collection, item));
    layerList(layers, catalogue, store, this.measureLegend);
    new Panel(card, catalogue, store, (collection, item) => this.go(collection, item));
    store.watch(["selection"], ({ selection }) => app.classList.toggle("has-card", selection !== null));
    store.watch(["language"], ({ language }) => {
      document.documentElement.lang = language;
      document.title = `${catalogue.city.name} – ${t("subtitle", language)}`;
      this.canvas.setAttribute("aria-label", t("map", language));
      toggle.textContent = t("layersToggle", language);
      header.replaceChildren(this.title());
      controls.replaceChildren(...this.buttons());
      sources.replaceChildren(...this.sources());
    });
    store.watch(["measure"], () => void this.showMeasure());
    store.watch(["language"], () => this.showMeasureLegend());
  }

  /** Fetches the 3D scene and starts it; without WebGL the page goes on with its lists. */
  async draw(hook: Hook): Promise<void> {
    const { language } = this.store.current;
    if (!document.createElement("canvas").getContext("webgl2")) {
      this.withoutScene(hook);
      return;
    }
    this.status.textContent = t("drawing", language);
    try {
      Object.assign(window, { CESIUM_BASE_URL: new URL("cesium/", document.baseURI).href });
      const { CityScene } = await import("./map/scene");
      this.scene = new CityScene(this.canvas, this.labels, this.catalogue, this.store, (problem) =>
        this.tell(problem),
      );
      this.scene.start();
    } catch (error) {
      console.error(error);
      this.withoutScene(hook);
      return;
    }
    this.passMeasure();
    hook.done(this.scene);
    await this.scene.settled();
    if (this.status.textContent === t("drawing", this.store.current.language)) this.status.textContent = "";
  }

  private withoutScene(hook: Hook): void {
    this.app.classList.add("no-scene", "sheet-open");
    this.status.textContent = "";
    const sentence = h("p", { class: "problem", role: "alert" });
    const objects = h("div");
    this.fallback.replaceChildren(sentence, objects);
    this.store.watch(["language"], ({ language }) => (sentence.textContent = t("noWebgl", language)));
    lists(objects, this.catalogue, this.store);
    hook.failed(sentence.textContent ?? "");
  }

  private tell(problem: Problem): void {
    this.status.textContent = problem.message[this.store.current.language];
    this.status.classList.add("problem");
  }

  /** Selects an object found by its name, and comes near it. */
  private go(collection: Collection, item: Item): void {
    if (collection.links.tileset) this.store.set({ selection: { collection: collection.id, id: item.id } });
    void this.approach(collection, item);
  }

  private async approach(collection: Collection, item: Item): Promise<void> {
    let place = middleOf(item);
    if (!place) {
      const answer = await loadItem(collection, item.id, this.store.current.time);
      place = answer.ok ? middleOf(answer.value.item) : null;
    }
    if (place) this.scene?.camera.approach(...place);
  }

  private async showMeasure(): Promise<void> {
    const key = this.store.current.measure;
    const measure = key === null ? undefined : measures(this.catalogue).get(key);
    this.measured = measure ? await this.readMeasure(measure) : null;
    if (this.store.current.measure !== key) return;
    this.showMeasureLegend();
    this.passMeasure();
  }

  /** Reads the values of a measure on each collection that has it. */
  private async readMeasure(measure: Measure): Promise<Measured> {
    const { collection, property } = measure;
    const address = (collection.links.values ?? "").replace("{property}", property.name);
    const byCollection = new Map<string, Values>();
    await Promise.all(
      Object.entries(collection.objects ?? {})
        .filter(([, names]) => names.includes(property.name))
        .map(async ([objects]) => {
          const answer = await loadValues(`${address}?${new URLSearchParams({ objects })}`);
          if (answer.ok) byCollection.set(objects, answer.value);
          else this.tell(answer.problem);
        }),
    );
    const { colour_by, ramp } = collection.style;
    const all = [...byCollection.values()];
    return { measure, byCollection, ramp: (colour_by === property.name && ramp) || rampOver(all) };
  }

  private passMeasure(): void {
    this.scene?.setMeasure(this.measured?.byCollection ?? new Map(), this.measured?.ramp ?? null);
  }

  private showMeasureLegend(): void {
    const { measured } = this;
    const { language } = this.store.current;
    this.measureLegend.replaceChildren();
    this.timeBar?.showProfile(measured ? means([...measured.byCollection.values()]) : null);
    if (!measured) return;
    const { title, unit } = measured.measure.property;
    this.measureLegend.append(
      rampLegend(measured.ramp, title[language], unit, language),
      h(
        "p",
        { class: "hint" },
        h("span", { class: "swatch point", style: `--colour:${NO_VALUE}` }),
        t("noValue", language),
      ),
    );
  }

  private title(): DocumentFragment {
    const { language } = this.store.current;
    const fragment = document.createDocumentFragment();
    fragment.append(
      h("div", {}, h("p", { class: "kind" }, t("subtitle", language)), h("h1", {}, this.catalogue.city.name)),
      h(
        "div",
        { class: "languages", role: "group", "aria-label": t("language", language) },
        (["fr", "en"] as const).map((one) =>
          h(
            "button",
            {
              type: "button",
              lang: one,
              "aria-label": { fr: "Français", en: "English" }[one],
              "aria-pressed": String(one === language),
              onclick: () => this.store.set({ language: one }),
            },
            one.toUpperCase(),
          ),
        ),
      ),
    );
    return fragment;
  }

  private buttons(): HTMLElement[] {
    const { language } = this.store.current;
    return BUTTONS.map(([message, movement, path]) => {
      const label = t(message, language);
      const run = () => (movement === "home" ? this.scene?.camera.home() : this.scene?.camera.move(movement));
      return h(
        "button",
        { type: "button", class: `round ${movement}`, "aria-label": label, title: label, onclick: run },
        icon(path),
      );
    });
  }

  /** Whom to credit: every licence of what is shown. */
  private sources(): HTMLElement[] {
    const { language } = this.store.current;
    const credits = [...new Set(this.catalogue.collections.map(({ licence }) => licence.attribution))];
    return [h("h2", {}, t("sources", language)), h("p", {}, credits.join(" · "))];
  }
}

/** Mean of the good values of each step of the longest of some matrices. */
function means(matrices: Values[]): Float32Array | null {
  const longest = matrices.sort((a, b) => b.steps - a.steps || b.ids.length - a.ids.length)[0];
  if (!longest) return null;
  const { data, ids, steps } = longest;
  return Float32Array.from({ length: steps }, (_, step) => {
    const good = data
      .subarray(step * ids.length, (step + 1) * ids.length)
      .filter((value) => !Number.isNaN(value));
    return good.reduce((sum, value) => sum + value, 0) / good.length;
  });
}

void main();
