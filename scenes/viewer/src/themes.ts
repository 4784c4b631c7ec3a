/** The named views of the page: the city, then each theme of the catalogue. */

import { type Catalogue, drawn, firstLayers, firstMeasure, themes } from "./catalogue";
import { h } from "./dom";
import { t } from "./i18n";
import type { Store } from "./state";
import { covers, HOUR, localHour, scalesOf, snap } from "./time";

/** Buttons that choose what is shown; none where the catalogue has no theme. */
export function themeChoice(root: HTMLElement, catalogue: Catalogue, store: Store): void {
  const all = themes(catalogue);
  if (all.length === 0) return;
  store.watch(["language"], ({ language, theme }) => {
    root.setAttribute("aria-label", t("views", language));
    root.replaceChildren(
      ...[{ name: null, title: { fr: t("city", "fr"), en: t("city", "en") } }, ...all].map(({ name, title }) =>
        h(
          "button",
          {
            type: "button",
            "data-view": name ?? "",
            "aria-pressed": String(name === theme),
            onclick: () => choose(catalogue, store, name),
          },
          title[language],
        ),
      ),
    );
  });
  store.watch(["theme"], ({ theme }) => {
    for (const button of root.querySelectorAll<HTMLElement>("button"))
      button.setAttribute("aria-pressed", String(button.dataset.view === (theme ?? "")));
  });
}

function choose(catalogue: Catalogue, store: Store, theme: string | null): void {
  const night = theme !== null && theme !== store.current.theme ? lastNight(catalogue, theme) : null;
  store.set({
    theme,
    layers: firstLayers(catalogue, theme),
    measure: firstMeasure(catalogue, theme),
    ...(night === null ? {} : { time: night }),
  });
}

/** Ten in the last evening of what a theme shows; null where it does not end among the hours of the slider. */
export function lastNight(catalogue: Catalogue, theme: string): number | null {
  const [hours] = scalesOf(catalogue);
  const shown = drawn(catalogue).filter((one) => one.theme?.name === theme && one.style.visible);
  const end = Math.max(...shown.map(({ temporal }) => Date.parse(temporal?.[1] ?? temporal?.[0] ?? "")));
  if (hours?.kind !== "hours" || !covers(hours, end)) return null;
  const last = snap(hours, end);
  const evenings = Array.from({ length: 24 }, (_, i) => last - i * HOUR);
  return evenings.find((time) => localHour(time, catalogue.city.time_zone) === 22) ?? last;
}
