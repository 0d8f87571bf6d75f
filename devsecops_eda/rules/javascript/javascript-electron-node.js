const { BrowserWindow } = require("electron");

// ruleid: javascript-electron-node
const open = new BrowserWindow({ webPreferences: { nodeIntegration: true } });
// ruleid: javascript-electron-node
const loose = new BrowserWindow({ width: 800, webPreferences: { webSecurity: false } });
// ok: javascript-electron-node
const tight = new BrowserWindow({ webPreferences: { contextIsolation: true, sandbox: true } });
// ok: javascript-electron-node
const plain = new BrowserWindow({ width: 800 });
