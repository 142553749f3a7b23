// What a shop's page does with a publishable key: asks for a list, and reports what was clicked.
// Copy it, or import it as a module:
//
//   import { connect } from "./figment.mjs";
//   const figment = connect("https://recommend.shop.example", "figpk_…");
//   const list = await figment.recommend([{ item_id: "tea-1", event_type: "view" }], { k: 4, return_properties: ["title"] });
//   const beside = await figment.recommendBeside("tea-1", history);  // on the page of tea-1, which is not listed there
//   link.addEventListener("click", () => figment.reportClick(list, list.items[0], sessionId));
//
// The key is in everyone's hands, so nothing stored shapes the answer: the history is what the page itself remembers.

export function connect(address, publishableKey) {
  async function post(path, body, options = {}) {
    const response = await fetch(new URL(path, address), {
      method: "POST",
      headers: { "Content-Type": "application/json", Authorization: `Bearer ${publishableKey}` },
      body: JSON.stringify(body),
      ...options,
    });
    const answer = await response.json();
    if (!response.ok) {
      throw Object.assign(new Error(`${answer.status} ${answer.title}: ${answer.detail}`), { problem: answer });
    }
    return answer;
  }

  // A page waits for no list longer than a second.
  const recommend = (history, rules = {}) =>
    post("/v1/recommendations", { ...rules, history }, { signal: AbortSignal.timeout(1000) });

  return {
    // What the visitor wants next. `rules` is the rest of the body: k, exclude, return_properties, …
    recommend,

    // The same on the page of an item, without that item: where people buy again, what was seen may be listed.
    recommendBeside: (itemId, history, { exclude = {}, ...rules } = {}) =>
      recommend(history, { ...rules, exclude: { ...exclude, item_ids: [itemId, ...(exclude.item_ids ?? [])] } }),

    // `keepalive` lets the report out although the click leaves the page; the event_id makes sending it again harmless.
    reportClick: (list, item, sessionId) =>
      post(
        "/v1/events",
        {
          events: [
            {
              event_id: crypto.randomUUID(),
              session_id: sessionId,
              item_id: item.item_id,
              event_type: "click",
              timestamp: new Date().toISOString(),
              recommendation_id: list.recommendation_id,
            },
          ],
        },
        { keepalive: true },
      ),
  };
}
