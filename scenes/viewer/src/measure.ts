/** The measure shown: its values on every collection that has it, its legend, its course over the city. */

import { loadValues, type Values } from "./binary";
import { type Catalogue, type Measure, measures, type Ramp } from "./catalogue";
import { NO_VALUE, rampOver } from "./colours";
import { h } from "./dom";
import { t } from "./i18n";
import { rampLegend } from "./legend";
import type { Problem } from "./outcome";
import type { Store } from "./state";

/** Values by collection of objects, and the ramp that colours them. */
export interface Shown {
  measure: Measure;
  values: ReadonlyMap<string, Values>;
  ramp: Ramp;
}

export class ShownMeasure {
  readonly legend = h("div", { class: "measure-legend" });
  /** Null while no measure is shown, or its values have not come. */
  current: Shown | null = null;

  /** Calls `changed` each time another measure is shown. */
  constructor(
    private readonly catalogue: Catalogue,
    private readonly store: Store,
    private readonly fail: (problem: Problem) => void,
    private readonly changed: (shown: Shown | null) => void,
  ) {
    store.watch(["measure"], ({ measure }) => void this.show(measure));
    store.watch(["language"], () => this.drawLegend());
  }

  private async show(key: string | null): Promise<void> {
    const measure = measures(this.catalogue).get(key ?? "");
    const shown = measure ? await this.read(measure) : null;
    if (this.store.current.measure !== key) return;
    this.current = shown;
    this.drawLegend();
    this.changed(shown);
  }

  private async read(measure: Measure): Promise<Shown> {
    const { collection, property } = measure;
    const address = (collection.links.values ?? "").replace("{property}", property.name);
    const values = new Map<string, Values>();
    const observed = Object.entries(collection.objects ?? {}).filter(([, names]) =>
      names.includes(property.name),
    );
    await Promise.all(
      observed.map(async ([objects]) => {
        const answer = await loadValues(`${address}?${new URLSearchParams({ objects })}`);
        if (answer.ok) values.set(objects, answer.value);
        else this.fail(answer.problem);
      }),
    );
    const { colour_by, ramp } = collection.style;
    return { measure, values, ramp: (colour_by === property.name && ramp) || rampOver([...values.values()]) };
  }

  private drawLegend(): void {
    this.legend.replaceChildren();
    if (!this.current) return;
    const { language } = this.store.current;
    const { measure, ramp } = this.current;
    const grey = h("span", { class: "swatch point", style: `--colour:${NO_VALUE}` });
    this.legend.append(
      rampLegend(ramp, measure.property.title[language], measure.property.unit, language),
      h("p", { class: "hint" }, grey, t("noValue", language)),
    );
  }
}

/** The mean of the good values at each instant, over the collection that is measured most often. */
export function course({ values }: Shown): { time: number; mean: number }[] {
  const [finest] = [...values.values()].sort((a, b) => b.steps - a.steps || b.ids.length - a.ids.length);
  if (!finest) return [];
  const { data, ids, start, step, steps } = finest;
  return Array.from({ length: steps }, (_, i) => {
    const good = data.subarray(i * ids.length, (i + 1) * ids.length).filter((value) => !Number.isNaN(value));
    return { time: start + i * step, mean: good.reduce((sum, value) => sum + value, 0) / good.length };
  }).filter(({ mean }) => Number.isFinite(mean));
}
