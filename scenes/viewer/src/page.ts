/** The frame of the page: words beside the model, controls on it, time below. */

import { Caption } from "./caption";
import type { Catalogue, Collection } from "./catalogue";
import { h, icon } from "./dom";
import type { Hook } from "./hook";
import { type Message, t } from "./i18n";
import { type Item, loadItem, middleOf } from "./items";
import { layerList } from "./layers";
import { Atlas } from "./maps";
import type { CityScene } from "./map/scene";
import { course, ShownMeasure } from "./measure";
import type { Problem } from "./outcome";
import { Panel } from "./panel";
import { lists, search } from "./search";
import type { State, Store } from "./state";
import { themeChoice } from "./themes";
import { scalesOf, shortInstant } from "./time";
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

export class Page {
  private readonly canvas = h("canvas", { id: "map", tabindex: 0 });
  private readonly labels = h("div", { class: "labels", "aria-hidden": "true" });
  private readonly status = h("p", { class: "status", role: "status" });
  private readonly notice = h("p", { class: "status", role: "status" });
  private readonly side = h("div", { class: "side-content", id: "side" });
  private readonly fallback = h("div", { class: "fallback" });
  private readonly measure: ShownMeasure;
  private readonly atlas: Atlas;
  private scene: CityScene | null = null;

  constructor(
    private readonly app: HTMLElement,
    private readonly catalogue: Catalogue,
    private readonly store: Store,
  ) {
    const [scale, ...scales] = scalesOf(catalogue);
    const timeBar = scale ? new TimeBar(catalogue, [scale, ...scales], store) : null;
    const find = h("div", { class: "search" });
    const layers = h("div");
    const card = h("aside", { class: "card", hidden: true });
    const controls = h("div", { class: "map-controls" });
    const header = h("header", { class: "title" });
    const views = h("div", { class: "views", role: "group" });
    const caption = h("div", { class: "caption" });
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
      h("nav", { class: "side" }, header, views, caption, toggle, this.side),
      h("main", {}, this.canvas, this.labels, h("div", { class: "notices" }, this.status, this.notice), controls),
      card,
      timeBar?.element ?? "",
    );
    this.atlas = new Atlas(catalogue, (problem) => this.tell(problem));
    themeChoice(views, catalogue, store);
    new Caption(caption, catalogue, store, this.atlas);
    search(find, catalogue, store, (collection, item) => this.go(collection, item));
    this.measure = new ShownMeasure(
      catalogue,
      store,
      (problem) => this.tell(problem),
      (shown) => {
        timeBar?.showProfile(shown ? course(shown) : []);
        this.scene?.setMeasure(shown);
      },
    );
    layerList(layers, catalogue, store, this.measure.legend);
    new Panel(card, catalogue, store, this.atlas, (collection, item) => this.go(collection, item));
    store.watch(["selection"], ({ selection }) => app.classList.toggle("has-card", selection !== null));
    store.watch(["language", "readAt"], (state) => this.notice.replaceChildren(...this.noNetwork(state)));
    store.watch(["language"], ({ language }) => {
      document.documentElement.lang = language;
      document.title = `${catalogue.city.name} – ${t("subtitle", language)}`;
      this.canvas.setAttribute("aria-label", t("map", language));
      toggle.textContent = t("layersToggle", language);
      header.replaceChildren(this.title());
      controls.replaceChildren(...this.buttons());
      sources.replaceChildren(...this.sources());
    });
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
      this.scene = new CityScene(this.canvas, this.labels, this.catalogue, this.store, this.atlas, (problem) =>
        this.tell(problem),
      );
      this.scene.start();
    } catch (error) {
      console.error(error);
      this.withoutScene(hook);
      return;
    }
    this.scene.setMeasure(this.measure.current);
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

  private noNetwork({ language, readAt }: State): (Node | string)[] {
    if (readAt === null) return [];
    const since = shortInstant(readAt, language, this.catalogue.city.time_zone);
    const again = h("button", { type: "button", class: "plain", onclick: () => location.reload() }, t("reload", language));
    return [h("span", {}, `${t("noNetwork", language)} ${since}.`), again];
  }

  /** Selects an object found by its name, and comes near it. */
  private go(collection: Collection, item: Item): void {
    if (collection.links.tileset) this.store.set({ selection: { collection: collection.id, id: item.id }, compared: null });
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
