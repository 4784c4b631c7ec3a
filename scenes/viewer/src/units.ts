/** Units for people: UCUM codes as one reads them in print. */

import type { Language } from "./text";

const PRINTED: Record<string, string> = {
  Cel: "°C",
  K: "K",
  "{delta}Cel": "°C",
  "%": "%",
  "1": "",
  "ug/m3": "µg/m³",
  "kW.h": "kWh",
  W: "W",
  m: "m",
  m2: "m²",
  h: "h",
  d: "j",
  a: "ans",
};
const ENGLISH: Record<string, string> = { d: "days", a: "years" };

/** No place is so cold: fewer kelvins are a difference, which people read in degrees. */
const COLDEST = 100;

/** The symbol of a UCUM unit, for numbers up to `most`; what is not known is shown as it is written. */
export function unit(code: string | null | undefined, language: Language, most = 0): string {
  if (!code) return "";
  if (code === "K" && most < COLDEST) return "°C";
  if (language === "en" && code in ENGLISH) return ENGLISH[code] ?? code;
  return PRINTED[code] ?? code.replace(/\{.*?\}/g, "").replace(/\./g, "·");
}

/** A number with as many digits as it deserves, and its unit after a thin space. */
export function quantity(value: number, code: string | null | undefined, language: Language): string {
  const size = Math.abs(value);
  const digits = size >= 100 || Number.isInteger(value) ? 0 : size >= 1 ? 1 : 2;
  const number = value.toLocaleString(language === "fr" ? "fr-FR" : "en-GB", {
    maximumFractionDigits: digits,
  });
  const symbol = unit(code, language, size);
  return symbol ? `${number}\u202f${symbol}` : number;
}
