/** Style sheets that a page imports come out as its main.css. */
declare module '*.css' {}
