/** What was shown stays for where there is no network: the worker that keeps it, and what the worker tells. */

export class Offline {
  private since: number | null = null;
  private tell: (since: number) => void = () => {};

  /** Listens from the start: what the page first reads may already be of before. */
  constructor() {
    // Browsers have service workers on HTTPS and on the machine itself only: elsewhere the page does without.
    navigator.serviceWorker?.addEventListener("message", ({ data }: MessageEvent<{ read: number }>) => {
      this.since = Math.min(data.read, this.since ?? Infinity);
      this.tell(this.since);
    });
  }

  /** Calls `tell` with the instant since which what is shown was read, now and each time it is earlier. */
  watch(tell: (since: number) => void): void {
    this.tell = tell;
    if (this.since !== null) tell(this.since);
  }

  /** Starts the worker, and gives it what this page has read without it. */
  async keep(): Promise<void> {
    const workers = navigator.serviceWorker as ServiceWorkerContainer | undefined;
    if (!workers) return;
    const first = !workers.controller;
    try {
      await workers.register(new URL("worker.js", document.baseURI));
    } catch (error) {
      console.warn(error);
      return;
    }
    const { active } = await workers.ready;
    const page = new URL(".", document.baseURI).href;
    if (first) active?.postMessage([page, ...performance.getEntriesByType("resource").map(({ name }) => name)]);
  }
}
