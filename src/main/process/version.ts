/** Our own version, as `gantry --version` and `/version` tell it; `package.json` says the same. */
export const version = "0.1.0";
