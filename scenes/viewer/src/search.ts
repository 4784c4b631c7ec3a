/** Finding an object by its name, and reading collections as lists: works without the 3D model. */

import { type Catalogue, type Collection, touchable } from "./catalogue";
import { h } from "./dom";
import { t } from "./i18n";
import { folded, type Item, loadNames, loadPage, nameOf } from "./items";
import type { Store } from "./state";

const SHOWN = 8;
const PAGE = 50;
/** A collection of more objects than this is found by its list, not by its names. */
const NAMED = 20_000;

interface Entry {
  collection: Collection;
  item: Item;
  name: string;
  key: string;
}

/** A search field over the names of the objects; `go` is called with the one chosen. */
export function search(
  root: HTMLElement,
  catalogue: Catalogue,
  store: Store,
  go: (collection: Collection, item: Item) => void,
): void {
  let entries: Promise<Entry[]> | null = null;
  const names = () =>
    (entries ??= Promise.all(
      catalogue.collections
        .filter(
          ({ kind, style, links, count }) =>
            kind === "features" && style.symbol !== "none" && style.label && links.items && count <= NAMED,
        )
        .map(async (collection) => {
          const answer = await loadNames(collection);
          const items = answer.ok ? answer.value : [];
          return items.map((item) => {
            const name = nameOf(collection, item);
            return { collection, item, name, key: folded(name, "fr") };
          });
        }),
    ).then((lists) => lists.flat()));

  store.watch(["language"], ({ language }) => {
    const results = h("ul", { class: "results", id: "results" });
    const status = h("p", { class: "visually-hidden", role: "status" });
    const input = h("input", {
      type: "search",
      id: "search",
      autocomplete: "off",
      placeholder: t("search", language),
      "aria-label": t("search", language),
      "aria-controls": "results",
    });
    const find = async () => {
      const wanted = folded(input.value.trim(), language);
      if (wanted.length < 2) {
        results.replaceChildren();
        status.textContent = "";
        return;
      }
      const found = (await names()).filter(({ key }) => key.includes(wanted));
      if (folded(input.value.trim(), language) !== wanted) return;
      found.sort((a, b) => Number(b.key.startsWith(wanted)) - Number(a.key.startsWith(wanted)));
      status.textContent = `${found.length} ${t("results", language)}`;
      results.replaceChildren(
        ...found.slice(0, SHOWN).map(({ collection, item, name }) =>
          h(
            "li",
            {},
            h(
              "button",
              {
                type: "button",
                onclick: () => {
                  input.value = "";
                  results.replaceChildren();
                  go(collection, item);
                },
              },
              h("span", {}, name),
              h("small", {}, collection.title[language]),
            ),
          ),
        ),
      );
      if (found.length === 0) results.append(h("li", { class: "hint" }, t("noResult", language)));
    };
    input.addEventListener("input", () => void find());
    input.addEventListener("focus", () => void names(), { once: true });
    root.replaceChildren(input, results, status);
  });
}

/** Collections as lists of objects, one page at a time: what the model shows, without the model. */
export function lists(root: HTMLElement, catalogue: Catalogue, store: Store): void {
  store.watch(["language"], ({ language }) => {
    root.replaceChildren(
      ...touchable(catalogue).map((collection) => {
        const items = h("ul", { class: "results" });
        let offset = 0;
        const more = h("button", { type: "button", class: "plain" }, t("more", language));
        const read = async () => {
          const answer = await loadPage(collection, store.current.time, offset, PAGE);
          if (!answer.ok) {
            items.append(h("li", { class: "problem", role: "alert" }, answer.problem.message[language]));
            return;
          }
          offset += answer.value.items.length;
          more.hidden = offset >= answer.value.total;
          items.append(
            ...answer.value.items.map((item) =>
              h(
                "li",
                {},
                h(
                  "button",
                  {
                    type: "button",
                    onclick: () => store.set({ selection: { collection: collection.id, id: item.id }, compared: null }),
                  },
                  h("span", {}, nameOf(collection, item)),
                ),
              ),
            ),
          );
        };
        more.addEventListener("click", () => void read());
        const details = h(
          "details",
          { class: "list" },
          h("summary", {}, `${t("list", language)} : ${collection.title[language]}`),
          items,
          more,
        );
        details.addEventListener("toggle", () => details.open && offset === 0 && void read());
        return details;
      }),
    );
  });
}
