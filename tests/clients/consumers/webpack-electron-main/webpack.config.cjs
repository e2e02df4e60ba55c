const path = require("node:path");

module.exports = {
  mode: "production",
  target: "electron-main",
  optimization: { minimize: false },
  entry: path.join(__dirname, "main.js"),
  output: { path: path.join(__dirname, "dist"), filename: "main.cjs" },
  externals: { bufferutil: "commonjs bufferutil", "utf-8-validate": "commonjs utf-8-validate" }, // what ws can do without
};
