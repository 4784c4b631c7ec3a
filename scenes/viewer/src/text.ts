/** A text for people, in French and in English. */
export interface Text {
  fr: string;
  en: string;
}
export type Language = keyof Text;
