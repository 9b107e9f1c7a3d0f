// Stands in for the page until its bundle is built: run `npm ci --ignore-scripts && node build.mjs` in page/.
document.title = 'Rookery';
document.documentElement.dataset.page = 'not built';
