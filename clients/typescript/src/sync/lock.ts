import { abortable } from "../clock.js";
import { Queue } from "./pool.js";

/** `sync`: a synchronisation. `write`: one look and what it has written, short. `live`: who listens for the others. `batches`: who runs them. */
export type LockName = "sync" | "write" | "live" | "batches";

/**
 * Does `work` while nobody else who has the same copy does work under that name, in whatever window or process; whoever dies
 * lets go. While it waits, the signal ends it.
 */
export type Lock = <Value>(name: LockName, work: () => Promise<Value>, signal?: AbortSignal) => Promise<Value>;

interface Locks {
  request<Value>(name: string, options: { signal?: AbortSignal }, work: () => Promise<Value>): Promise<Value>;
}

const ofStore = new WeakMap<object, Lock>();

/** The platform's locks (`navigator.locks`: all windows of an origin) where the store has a name, else turns within this process. */
export function lockOf(store: { readonly name?: string }): Lock {
  const locks = (globalThis.navigator as { locks?: Locks } | undefined)?.locks;
  if (store.name !== undefined && locks !== undefined) return webLock(locks, `adiuva:${store.name}`);
  const lock = ofStore.get(store) ?? queueLock();
  ofStore.set(store, lock);
  return lock;
}

function webLock(locks: Locks, prefix: string): Lock {
  return (name, work, signal) => locks.request(`${prefix}:${name}`, signal === undefined ? {} : { signal }, work);
}

function queueLock(): Lock {
  const queues = { sync: new Queue(), write: new Queue(), live: new Queue(), batches: new Queue() };
  return (name, work, signal) => {
    let hasBegun = false;
    const done = queues[name].run(() => {
      signal?.throwIfAborted();
      hasBegun = true;
      return work();
    });
    if (signal === undefined) return done;
    // Who waits hears of the signal at once; what has begun ends by itself.
    return abortable(done, signal).catch((error: unknown) => (hasBegun ? done : Promise.reject(error)));
  };
}
