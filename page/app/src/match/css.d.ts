// Style sheets are imported for their effect; the build puts them into the page's one style sheet.
declare module '*.css';
