/** How sure a map is, or why there is none, in words. */

import { t } from "./i18n";
import type { Assessment } from "./items";
import type { Language } from "./text";
import { quantity } from "./units";

/** A sentence on the error of a map in `unit`; empty where it is not known. */
export function sureness(assessment: Assessment | null | undefined, unit: string, language: Language): string {
  if (assessment?.rmse === null || assessment?.rmse === undefined) return "";
  const error = quantity(assessment.rmse, unit, language);
  const { stations } = assessment;
  if (language === "fr")
    return `Sûre à ± ${error} près : l'erreur constatée en cachant tour à tour chaque station${stations ? ` (${stations} stations)` : ""}.`;
  return `Sure to ± ${error}: the error found by hiding each station in turn${stations ? ` (${stations} stations)` : ""}.`;
}

/** Why an hour has no map. */
export function whyNone(assessment: Assessment | null, language: Language): string {
  return `${t("noMap", language)} ${assessment?.reason?.[language] ?? t("notMapped", language)}`;
}
