// Pictures against sentences: CLIP's similarities, each picture's nearest sentence in bold.
quartet.matrix = (news) => {
  const { say, make } = quartet;
  const lanes = quartet.lanes.filter((lane) => news?.rows[lane]);
  if (!lanes.length) return [];
  const all = lanes.flatMap((lane) => news.rows[lane]), least = Math.min(...all), most = Math.max(...all);
  const table = make("table", "matrix"), head = make("tr");
  table.append(make("caption", "", say("matrix.about")));
  head.append(make("th"), ...news.texts.map((text) => Object.assign(make("th", "", text), { scope: "col" })));
  table.append(head);
  for (const lane of lanes) {
    const row = make("tr"), name = make("th", "", say("painter." + lane)), values = news.rows[lane];
    name.scope = "row";
    row.dataset.lane = lane;
    row.append(name);
    for (const value of values) {
      const cell = make("td", value === Math.max(...values) ? "nearest" : "", value.toFixed(2));
      cell.style.setProperty("--share", Math.round((60 * (value - least)) / (most - least || 1)) + "%");
      row.append(cell);
    }
    table.append(row);
  }
  return [table];
};
