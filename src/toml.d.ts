/** TOML files are taken apart when the program is built (`toml-modules.mjs`); a schema has to say what is in them. */
declare module '*.toml' {
  export const data: unknown;
}
