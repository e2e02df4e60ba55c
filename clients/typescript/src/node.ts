/**
 * What only Node has. By names that no bundler looks at: a bundle is made without `ws` installed, and without Node's modules.
 * In its place the build for browsers has `node.browser.ts`.
 */

export function nodeHttp(): Promise<typeof import("node:http")> {
  return load("node:http") as Promise<typeof import("node:http")>;
}

/** Rejects where it is not installed. */
export async function wsPackage(): Promise<unknown> {
  return ((await load("ws")) as typeof import("ws")).WebSocket;
}

function load(name: string): Promise<unknown> {
  return import(/* @vite-ignore */ /* webpackIgnore: true */ name);
}
