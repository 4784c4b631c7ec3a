/** Errors as values: what a request gave, or a sentence for the person who waits. */

import type { Text } from "./text";

export type Outcome<T> = { ok: true; value: T } | { ok: false; problem: Problem };

export interface Problem {
  /** HTTP status, or 0 when no answer came. */
  status: number;
  message: Text;
}

export function failure(status: number, fr: string, en: string): { ok: false; problem: Problem } {
  return { ok: false, problem: { status, message: { fr, en } } };
}

/** Fetches an address relative to the page; whatever goes wrong comes back as a problem. */
export async function request(address: string): Promise<Outcome<Response>> {
  let response: Response;
  try {
    response = await fetch(new URL(address, document.baseURI));
  } catch {
    return failure(
      0,
      "Le serveur ne répond pas. Vérifiez la connexion, puis rechargez la page.",
      "The server does not answer. Check the connection, then reload the page.",
    );
  }
  if (response.ok) return { ok: true, value: response };
  const detail = await response.json().then(
    (body: { detail?: unknown }) => (typeof body.detail === "string" ? ` ${body.detail}` : ""),
    () => "",
  );
  return failure(
    response.status,
    `Le serveur n'a pas pu répondre (${response.status}).${detail}`,
    `The server could not answer (${response.status}).${detail}`,
  );
}

export async function fetchJson<T>(address: string): Promise<Outcome<T>> {
  return read(address, (response) => response.json() as Promise<T>);
}

export async function fetchBytes(address: string): Promise<Outcome<ArrayBuffer>> {
  return read(address, (response) => response.arrayBuffer());
}

async function read<T>(address: string, body: (response: Response) => Promise<T>): Promise<Outcome<T>> {
  const answer = await request(address);
  if (!answer.ok) return answer;
  if (answer.value.status === 204)
    return failure(204, "Il n'y a pas de données ici.", "There is no data here.");
  try {
    return { ok: true, value: await body(answer.value) };
  } catch {
    return failure(
      answer.value.status,
      "La réponse du serveur est illisible. Rechargez la page.",
      "The server's answer cannot be read. Reload the page.",
    );
  }
}
