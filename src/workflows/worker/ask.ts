import type { Json } from "#api/object.ts";
import type { Question } from "./protocol.ts";

/** Asks the scheduler on behalf of a task. @throws {Error} with the scheduler's refusal. */
export type Ask = (question: Question) => Promise<Json>;

/** Most questions of one worker that wait for their answers. */
const openMax = 1_000;

/** Questions that have been sent and not answered. */
export class OpenQuestions {
  readonly #open = new Map<
    number,
    { readonly resolve: (value: Json) => void; readonly reject: (error: Error) => void }
  >();
  #next = 1;

  /** @param send gets the number under which the answer will come. */
  add(send: (id: number) => void): Promise<Json> {
    if (this.#open.size >= openMax) {
      return Promise.reject(new Error(`more than ${openMax} questions are open`));
    }
    const id = this.#next;
    this.#next += 1;
    return new Promise((resolve, reject) => {
      this.#open.set(id, { resolve, reject });
      send(id);
    });
  }

  answer(id: number, value: Json): void {
    this.#open.get(id)?.resolve(value);
    this.#open.delete(id);
  }

  refuse(id: number, message: string): void {
    this.#open.get(id)?.reject(new Error(message));
    this.#open.delete(id);
  }
}
