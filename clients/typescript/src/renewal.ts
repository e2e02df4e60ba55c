/** A new password on its way: its answer ends the tokens that are in use, and brings others. */
export class Renewal {
  #end = (): void => {};
  /** Until there is an answer, and its tokens are kept. */
  pending: Promise<void> = Promise.resolve();

  sent(): void {
    this.over();
    this.pending = new Promise((resolve) => (this.#end = resolve));
  }

  /** Also where it needs a token itself: who waited for it then would wait for ever. */
  over(): void {
    this.#end();
  }
}
