/** Starts the page: its words first, then the 3D scene, fetched apart because it is large. */

import "./style.css";
import { loadCatalogue } from "./catalogue";
import { h } from "./dom";
import { Hook } from "./hook";
import { t } from "./i18n";
import { Offline } from "./offline";
import { Page } from "./page";
import { keepAddress, languageOf, stateOf } from "./permalink";
import { Store } from "./state";

async function main(): Promise<void> {
  const app = document.getElementById("app") as HTMLElement;
  const first = languageOf(new URLSearchParams(location.hash.slice(1)).get("lang"));
  document.documentElement.lang = first;
  app.append(h("p", { class: "loading", role: "status" }, t("loading", first)));
  const offline = new Offline();
  const answer = await loadCatalogue();
  if (!answer.ok) {
    app.replaceChildren(h("p", { class: "loading problem", role: "alert" }, answer.problem.message[first]));
    return;
  }
  const catalogue = answer.value;
  const store = new Store(stateOf(catalogue, location.hash));
  const hook = new Hook(store);
  const page = new Page(app, catalogue, store);
  offline.watch((readAt) => store.set({ readAt }));
  keepAddress(catalogue, store);
  await page.draw(hook);
  await offline.keep();
}

void main();
