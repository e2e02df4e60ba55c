import type * as node from "./node.js";

/** In place of `node.ts`: nothing of Node's is in a browser's bundle. */
export const nodeHttp: typeof node.nodeHttp = () => Promise.reject(new TypeError("A browser cannot listen."));

export const wsPackage: typeof node.wsPackage = () => Promise.reject(new TypeError("This is the build for browsers."));
