const path = require("node:path");

module.exports = {
  mode: "production",
  target: "web",
  entry: path.join(__dirname, "page.js"),
  output: { path: path.join(__dirname, "dist"), filename: "page.js" },
  performance: { hints: false },
};
