// A page of https://shop.example, run by Node: `node page.mjs ADDRESS KEY`. Prints the list and what became of the click.
import { webcrypto } from "node:crypto";
import { connect } from "../../clients/javascript/figment.mjs";

const [address, key] = process.argv.slice(2);
globalThis.crypto ??= webcrypto; // before Node 19
const plainFetch = fetch;
globalThis.fetch = (url, options) => // a browser says which page asks
  plainFetch(url, { ...options, headers: { ...options.headers, Origin: "https://shop.example" } });

const figment = connect(address, key);
const list = await figment.recommend([{ item_id: "item-1" }], { k: 3, return_properties: ["title"] });
const beside = await figment.recommendBeside("item-0", [{ item_id: "item-1" }], { k: 3, exclude: { item_ids: ["item-2"] } });
const reported = await figment.reportClick(list, list.items[0], "s1");
const problem = await figment.recommend([], { k: 1000 }).catch((error) => error.problem);
console.log(JSON.stringify({ list, beside, reported, problem }));
